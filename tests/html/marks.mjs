// What an instructor wrote: a highlight stands out on the bytes, in light, in dark and on paper, and is said to those who
// listen; a question keeps its answer until somebody asks; an own chapter is one; and axe finds nothing.
import { axeSource, check, same, withBrowser } from './lib.mjs';

const file = process.argv[2];
const channels = (colour) => colour.match(/[\d.]+/g).slice(0, 3).map(Number);
// WCAG 2.2: relative luminance, and the contrast of two colours.
const luminance = (colour) => {
  const [r, g, b] = channels(colour).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (a, b) => {
  const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
  return (x + 0.05) / (y + 0.05);
};

await withBrowser(async (open) => {
  for (const [how, options, media] of [
    ['light', {}, 'screen'],
    ['dark', { colorScheme: 'dark' }, 'screen'],
    ['without the script', { javaScriptEnabled: false }, 'screen'],
    ['on paper', {}, 'print'],
    ['on a phone', { viewport: { width: 360, height: 740 } }, 'screen'],
  ]) {
    const page = await open(file, { ...options, bypassCSP: true, hash: '#step-14' });
    await page.emulateMedia({ media });
    const stepping = media === 'screen' && options.javaScriptEnabled !== false;
    const step = page.locator(stepping ? '#here-body' : '#step-14 .body');
    const mark = step.locator('.wire mark');
    // What the browser has not drawn yet has no innerText.
    same(`${how}: the marked bytes`, await mark.textContent(), 'bob@example.net');
    const look = await mark.evaluate((m) => {
      const { color, backgroundColor, outlineStyle } = getComputedStyle(m);
      const around = getComputedStyle(m.closest('.wire')).backgroundColor;
      const said = [getComputedStyle(m, '::before').content, getComputedStyle(m, '::after').content];
      return { color, backgroundColor, outlineStyle, around, said };
    });
    check(`${how}: it can be read`, contrast(look.color, look.backgroundColor) >= 4.5, JSON.stringify(look));
    check(`${how}: it stands out`, look.backgroundColor !== look.around, JSON.stringify(look));
    same(`${how}: it has an edge too`, look.outlineStyle, 'solid');
    check(`${how}: it is said`, /highlight begins/.test(look.said[0]) && /highlight ends/.test(look.said[1]), look.said.join());
    same(`${how}: the choices`, await step.locator('.slip li').allInnerTexts(), ['Bob', 'The next server']);
    const answer = step.locator('details p');
    check(`${how}: the answer waits`, !(await answer.isVisible()));
    if (media === 'print') {
      check('on paper the answer is printed', (await step.locator('.printed').textContent()).includes('The next server'));
    } else {
      await step.locator('summary').focus();
      await page.keyboard.press('Enter');
      check(`${how}: and comes when it is asked for`, await answer.isVisible());
      check(`${how}: the page stays at its step`, page.url().endsWith('#step-14'));
    }
    same(`${how}: an own chapter`, await page.locator('#chapter-own-3 > h2').textContent(), '✎ The envelope');
    same(`${how}: begins right before its step`, await page.locator('#chapter-own-3 .step').first().getAttribute('id'), 'step-14');
    check(`${how}: a lost mark says so`, (await page.locator('body').textContent()).includes('its place is not in this recording'));
    if (media === 'screen' && options.javaScriptEnabled !== false) {
      await page.evaluate(axeSource);
      const { violations } = await page.evaluate(() => globalThis.axe.run(document));
      check(`${how}: axe`, violations.length === 0, violations.map((v) => `${v.id}: ${v.nodes[0].target}`).join('\n'));
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(`${how}: the page fits its width`, over <= 0, over);
    }
    await page.context().close();
  }

  // Whoever listens is told: the accessible text has the highlight's beginning and its end around the words.
  const page = await open(file, { hash: '#step-14' });
  const client = await page.context().newCDPSession(page);
  const { nodes } = await client.send('Accessibility.getFullAXTree');
  const names = nodes.filter((n) => !n.ignored).map((n) => n.name?.value ?? '').join('|');
  check('a screen reader has the beginning and the end', /highlight begins[^]*bob[^]*highlight ends/.test(names));
});
