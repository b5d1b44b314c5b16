// axe-core finds nothing against WCAG 2.2 A and AA or its own best practices: wide and narrow, light and dark, with
// and without the script, stepping and as a document. And nothing is wider than a phone.
import { axeSource, check, same, withBrowser } from './lib.mjs';

const wide = { width: 1440, height: 900 };
const phone = { width: 360, height: 740 };

await withBrowser(async (open) => {
  for (const file of process.argv.slice(2)) {
    for (const viewport of [wide, phone]) {
      for (const colorScheme of ['light', 'dark']) {
        for (const how of ['stepping', 'document', 'help']) {
          // axe is a script of its own: the page's policy would rightly stop it.
          const page = await open(file, { viewport, colorScheme, bypassCSP: true, hash: '#step-9' });
          if (how === 'document') await page.click('#b-all');
          if (how === 'help') await page.click('#b-help');
          const name = `${file.split('/').pop()} ${viewport.width} ${colorScheme} ${how}`;
          const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          check(`${name}: the page fits its width`, over <= 0, `${over} px too wide`);
          // The document repeats what was just looked at, for each step: some of it is enough.
          if (how === 'document') await page.evaluate(() => document.querySelectorAll('.step:nth-of-type(n + 14)').forEach((s) => s.remove()));
          await page.evaluate(axeSource);
          const { violations } = await page.evaluate(() => globalThis.axe.run(document, {
            runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
          }));
          const told = violations.map((v) => `${v.id}: ${v.help}\n  ${v.nodes.slice(0, 3).map((n) => `${n.target} ${n.failureSummary}`).join('\n  ')}`);
          check(`${name}: axe`, told.length === 0, told.join('\n'));
          await page.context().close();
        }
      }
    }
  }

  // Focus goes through the page in the order it is read.
  const page = await open(process.argv[2]);
  const order = [];
  for (let i = 0; i < 8; i++) {
    await page.keyboard.press('Tab');
    order.push(await page.evaluate(() => document.activeElement.id || document.activeElement.className || document.activeElement.hash));
  }
  same('the first stop of the focus skips to the conversation', order[0], 'skip');
  same('then the tools', order.slice(1, 4), ['b-all', 'b-theme', 'b-help']);
});
