// Without the script, and on paper, the page is a whole document: every step, every note, every fact, open.
import { readFileSync } from 'node:fs';
import { check, withBrowser } from './lib.mjs';

const [file, textsFile] = process.argv.slice(2);
const squeezed = (text) => text.replace(/\s+/g, '');

await withBrowser(async (open) => {
  const texts = JSON.parse(readFileSync(textsFile, 'utf8'));
  check('there are texts to look for', texts.length > 200, texts.length);
  for (const [how, options, media] of [
    ['without the script', { javaScriptEnabled: false }, 'screen'],
    ['on paper, without the script', { javaScriptEnabled: false }, 'print'],
    ['on paper', {}, 'print'],
    ['on paper, while filtered and dark', { colorScheme: 'dark' }, 'print'],
  ]) {
    const page = await open(file, { ...options, bypassCSP: true });
    if (how.includes('filtered')) await page.click('.filter .f');
    await page.emulateMedia({ media });
    const all = page.locator('.step > .body');
    const closed = await all.evaluateAll((bodies) => bodies.filter((b) => !b.checkVisibility()).map((b) => b.parentNode.id));
    check(`${how}: every note is open`, closed.length === 0, closed.join(' '));
    for (const tool of ['.tools', '.controls', '.find', '#here']) {
      check(`${how}: no ${tool}`, !(await page.locator(tool).isVisible()));
    }
    // What is far away is drawn only when it comes near: for this look, all is near.
    await page.evaluate(() => {
      document.head.append(Object.assign(document.createElement('style'), { textContent: '.step { content-visibility: visible !important }' }));
    });
    // What is drawn, not only what is there: innerText leaves out what is not rendered.
    const body = squeezed(await page.locator('body').innerText());
    const missing = texts.filter((text) => !body.includes(squeezed(text)));
    check(`${how}: all texts stand there`, missing.length === 0, missing.slice(0, 5).join('\n'));
    if (media === 'print') {
      const pdf = await page.pdf({ format: 'A4' });
      const pages = (pdf.toString('latin1').match(/\/Type\s*\/Page[^s]/g) || []).length;
      check(`${how}: it takes more than a few sheets`, pages > 10, pages);
      const paper = await page.evaluate(() => getComputedStyle(document.body).color);
      check(`${how}: dark letters`, paper.match(/\d+/g).slice(0, 3).every((n) => Number(n) < 80), paper);
    } else {
      // A fragment still leads to its step, and rows are links.
      await page.goto(page.url().split('#')[0] + '#step-14');
      check(`${how}: a deep link leads there`, await page.locator('#step-14').evaluate((s) => s.matches(':target')));
    }
    await page.context().close();
  }
});
