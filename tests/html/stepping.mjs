// Stepping by keys, by buttons, by the slider, by links; what is shown beside it; what a screen reader is told.
import { check, current, same, withBrowser } from './lib.mjs';

const [file] = process.argv.slice(2);
const at = async (page, n, what) => {
  const { on, title } = await current(page);
  same(what, on, [`step-${n}`]);
  check(what, title.startsWith(`Step ${n} of `), title);
};

await withBrowser(async (open) => {
  const page = await open(file);
  const last = await page.locator('li.step').count();
  const here = () => page.locator('#here-body').textContent();
  await at(page, 1, 'a page opens at its first step');
  same('opening leaves the address alone', (await current(page)).hash, '');

  for (const [key, n] of [['ArrowRight', 2], ['ArrowDown', 3], ['j', 4], ['ArrowLeft', 3], ['ArrowUp', 2], ['k', 1],
    ['ArrowLeft', 1], ['End', last], ['ArrowRight', last], ['Home', 1]]) {
    await page.keyboard.press(key);
    await at(page, n, `${key} leads to ${n}`);
  }
  await page.keyboard.press('PageDown');
  const second = await page.locator('section.chapter').nth(1).locator('li.step').first().getAttribute('id');
  same('Page Down leads to the second chapter', (await current(page)).on, [second]);
  same('the chapter is marked', await page.locator('nav.chapters [aria-current]').count(), 1);
  await page.keyboard.press('PageUp');
  await at(page, 1, 'Page Up leads back');

  await page.click('#b-next');
  await page.click('#b-next');
  await at(page, 3, 'the buttons step');
  same('the address follows', (await current(page)).hash, '#step-3');
  check('a screen reader is told', (await page.locator('#live').textContent()).startsWith('Step 3.'));
  await page.click('#b-prev');
  await at(page, 2, 'and back');
  await page.click('#b-nextc');
  same('and by chapters', (await current(page)).on, [second]);
  await page.locator('#at').fill('20');
  await at(page, 20, 'the slider leads there');
  await page.locator('#at').press('ArrowRight');
  await at(page, 21, 'and its own keys step');

  // A row of the ladder is a link; a chapter's leads to its first step.
  await page.locator('#step-12 .row').click();
  await at(page, 12, 'a row leads to its step');
  await page.locator('nav.chapters a').first().click();
  await at(page, 1, 'a chapter leads to its first step');

  // A mouse over a letter lights up the bytes that it stands for.
  const steps = page.locator('li.step.c', { has: page.locator('.part') });
  await page.goto(page.url().split('#')[0] + `#${await steps.first().getAttribute('id')}`);
  await page.locator('#here-body .key').first().hover();
  check('a part lights up in the bytes', await page.locator('#here-body .part.lit').count() > 0);

  // Every step shows its own bytes, its own note and a state; the longer text is there even where the page holds it
  // only once.
  await page.keyboard.press('Home');
  for (let n = 1; n <= last; n++) {
    const got = await here();
    const want = await page.locator(`#step-${n}`).evaluate((step) => {
      const text = (one) => (one ? one.textContent : '');
      const again = step.querySelector('.again a');
      const more = again ? document.querySelector(again.hash + ' .more') : step.querySelector('.more');
      return [text(step.querySelector('.wire')), text(step.querySelector('h3')), text(more), text(step.querySelector('.facts'))];
    });
    for (const part of want) check(`step ${n} is shown whole`, got.includes(part), part);
    check(`step ${n} has a state`, (await page.locator('#state-body').textContent()).length > 0);
    await page.keyboard.press('ArrowRight');
  }

  // The state is the same whichever way a step is reached.
  const state = async (n) => {
    await page.evaluate((to) => { location.hash = `#step-${to}`; }, n);
    await page.waitForFunction((to) => document.querySelector('li.current').id === `step-${to}`, n);
    return page.locator('#state-body').innerHTML();
  };
  const middle = Math.floor(last / 2);
  const before = await state(middle);
  await state(last);
  same('a step has one state, whichever way it is reached', await state(middle), before);

  const linked = await open(file, { hash: '#step-14' });
  await at(linked, 14, 'a deep link leads to its step');
  const row = linked.locator('#step-14 .row');
  await linked.waitForTimeout(200);
  const [box, frame] = [await row.boundingBox(), await linked.locator('#rungs').boundingBox()];
  check('and the step is in sight', box.y > frame.y + 20 && box.y + box.height < frame.y + frame.height, JSON.stringify([box, frame]));

  // Help, theme, document.
  await linked.keyboard.press('?');
  check('? opens the help', await linked.locator('#help').isVisible());
  await linked.keyboard.press('Escape');
  check('Escape closes it', !(await linked.locator('#help').isVisible()));
  const paper = () => linked.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await linked.click('#b-theme');
  check('the button makes it dark', light !== (await paper()));
  same('and says so', await linked.getAttribute('#b-theme', 'aria-pressed'), 'true');
  await linked.keyboard.press('d');
  const opened = await linked.locator('.step > .body').evaluateAll((all) => all.every((b) => getComputedStyle(b).display !== 'none'));
  check('d opens every note', opened);
});
