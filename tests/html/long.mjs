// A long recording opens, and is stepped and searched to its end.
import { check, current, same, withBrowser } from './lib.mjs';

const [file, count] = process.argv.slice(2);

await withBrowser(async (open) => {
  const page = await open(file);
  same('all steps are there', await page.locator('li.step').count(), Number(count));
  await page.keyboard.press('End');
  same('End leads to the last', (await current(page)).on, [`step-${count}`]);
  check('which is in sight', await page.locator(`#step-${count} .row`).isVisible());
  await page.keyboard.press('ArrowLeft');
  same('and back one', (await current(page)).on, [`step-${count - 1}`]);
  await page.keyboard.press('/');
  await page.keyboard.type('needle');
  await page.keyboard.press('Enter');
  same('one needle is found', await page.locator('li.hit').count(), 1);
  // Rows far away are not laid out until they come near.
  const skipped = await page.locator('#step-5000').evaluate((s) => getComputedStyle(s).contentVisibility);
  same('what is far away costs nothing', skipped, 'auto');
});
