// Search and protocol filters.
import { check, current, same, withBrowser } from './lib.mjs';

const [file] = process.argv.slice(2);

await withBrowser(async (open) => {
  const page = await open(file);
  const total = await page.locator('li.step').count();
  await page.keyboard.press('/');
  same('/ leads to the search', await page.evaluate(() => document.activeElement.id), 'q');
  await page.keyboard.type('rcpt bob@');
  await page.waitForFunction(() => document.querySelector('li.hit'));
  const found = await page.locator('li.hit').evaluateAll((hits) => hits.map((hit) => hit.id));
  check('it finds some, not all', found.length > 1 && found.length < total / 2, found.length);
  same('and says how many', await page.locator('#found').textContent(), `${found.length} steps found`);
  await page.keyboard.press('Enter');
  same('Enter leads to the first', (await current(page)).on, [found[0]]);
  await page.keyboard.press('Enter');
  same('and to the next', (await current(page)).on, [found[1]]);
  await page.keyboard.press('Shift+Enter');
  same('and back', (await current(page)).on, [found[0]]);
  await page.keyboard.press('Escape');
  same('Escape ends the search', await page.locator('li.hit').count(), 0);

  // What only a note says is found too.
  await page.keyboard.press('/');
  await page.keyboard.type('pillar');
  await page.keyboard.press('Enter');
  check('notes are searched', await page.locator('li.hit').count() > 0);
  await page.keyboard.press('Escape');

  await page.keyboard.press('Home');
  for (const button of await page.locator('.filter .f').all()) {
    if ((await button.getAttribute('data-p')) !== 'smtp') await button.click();
  }
  const shown = await page.locator('li.step:not([hidden])').evaluateAll((steps) => steps.map((s) => [s.id, s.dataset.p]));
  check('the filter leaves SMTP', shown.length > 0 && shown.every(([, p]) => p === 'smtp'), JSON.stringify(shown));
  check('hidden steps are gone from sight', !(await page.locator('li.step[data-p="dns"]').first().isVisible()));
  await page.keyboard.press('Home');
  same('stepping keeps to what is shown', (await current(page)).on, [shown[0][0]]);
  await page.keyboard.press('ArrowRight');
  same('step by step', (await current(page)).on, [shown[1][0]]);
  await page.keyboard.press('End');
  same('to its end', (await current(page)).on, [shown.at(-1)[0]]);
  check('chapters without steps are folded away', await page.locator('section.chapter.empty').count() > 0);

  // A link to a step that is filtered out shows it.
  await page.evaluate(() => { location.hash = '#step-1'; });
  await page.waitForFunction(() => document.querySelector('li.current').id === 'step-1');
  same('a link undoes the filter', await page.locator('li.step[hidden]').count(), 0);
});
