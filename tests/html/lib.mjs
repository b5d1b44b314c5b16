// What every check of the page needs: a browser, a page that is watched, and plain assertions.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(process.env.POSTROAD_HTML_TESTS + '/');
const { chromium } = require('playwright-core');
export const axeSource = require('axe-core').source;

export const check = (what, ok, more = '') => {
  if (!ok) throw new Error(`${what}${more === '' ? '' : `: ${more}`}`);
};
export const same = (what, got, want) => {
  const [a, b] = [JSON.stringify(got), JSON.stringify(want)];
  check(what, a === b, `got ${a}, not ${b}`);
};

// Several browsers start at once here, and one sometimes dies before it has seen a page. That says nothing about a page:
// it is started anew, and given up after three times.
const started = async (left = 3) => {
  try {
    return await chromium.launch({
      executablePath: process.env.POSTROAD_CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync'],
    });
  } catch (error) {
    if (left === 1) throw error;
    console.error(`the browser did not start: ${String(error.message).split('\n')[0]}`);
    return started(left - 1);
  }
};

// Opens pages; whatever one of them says on its console, asks of the network or lets pop up is a failure.
export const withBrowser = async (work) => {
  const browser = await started();
  // A browser that hangs must not hang the tests.
  const patience = setTimeout(() => {
    console.error('no end after ten minutes');
    process.exit(1);
  }, 600_000);
  const trouble = [];
  const open = async (file, { hash = '', ready = true, ...options } = {}) => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...options });
    const page = await context.newPage();
    const url = pathToFileURL(file).href;
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) trouble.push(`console: ${message.text()}`);
    });
    page.on('pageerror', (error) => trouble.push(`error: ${error.message}`));
    page.on('dialog', (dialog) => { trouble.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on('request', (request) => {
      if (request.url().split('#')[0] !== url) trouble.push(`request: ${request.url()}`);
    });
    await page.goto(url + hash);
    if (ready && options.javaScriptEnabled !== false) await page.waitForSelector('html.js');
    return page;
  };
  try {
    await work(open);
    check('the pages are quiet', trouble.length === 0, trouble.join('\n'));
  } finally {
    clearTimeout(patience);
    await browser.close();
  }
};

export const current = (page) => page.evaluate(() => {
  const on = [...document.querySelectorAll('li.step.current')].map((step) => step.id);
  return { on, hash: location.hash, title: document.getElementById('here-title').textContent };
});
