// A recording that tries to break out: nothing runs, and nothing of it is hidden. Once with the page's policy, and
// once without, so that the escaping has to hold on its own.
import { readFileSync } from 'node:fs';
import { check, same, withBrowser } from './lib.mjs';

const [file, textsFile] = process.argv.slice(2);
const texts = JSON.parse(readFileSync(textsFile, 'utf8'));
// Steers a terminal, or hides or turns around what stands beside it.
const hiding = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;

await withBrowser(async (open) => {
  const honest = { scripts: 1, styles: 1, frames: 0, images: 0, drawings: 1, links: 0, handlers: 0 };
  for (const bypassCSP of [false, true]) {
    const page = await open(file, { bypassCSP });
    const last = await page.locator('li.step').count();
    for (let i = 0; i < last; i++) await page.keyboard.press('ArrowRight');
    await page.keyboard.press('d');
    for (const button of await page.locator('.filter .f').all()) await button.hover();
    const found = await page.evaluate(() => {
      const count = (what) => document.querySelectorAll(what).length;
      const on = [...document.querySelectorAll('*')].flatMap((e) => e.getAttributeNames()).filter((n) => n.startsWith('on'));
      return {
        scripts: count('script'), styles: count('style, link'), frames: count('iframe, object, embed, base, form:not([method=dialog])'),
        images: count('img, video, audio'), drawings: count('svg'),
        links: count('a:not([href^="#"]), [src], [style]'), handlers: on.length,
      };
    });
    same('only what the page itself is made of', found, honest);
    same('nothing ran', await page.evaluate(() => globalThis.pwned === undefined), true);
    const whole = await page.evaluate(() => document.documentElement.outerHTML);
    const at = whole.search(hiding);
    check('nothing steers or hides', at < 0, JSON.stringify(whole.slice(at - 40, at + 40)));
    const drawn = (await page.locator('body').innerText()).replace(/\s+/g, '');
    for (const text of texts) check('all of it is to be seen', drawn.includes(text.replace(/\s+/g, '')), text);
    check('the title is a text', (await page.title()).includes('<script>'), await page.title());
  }
});
