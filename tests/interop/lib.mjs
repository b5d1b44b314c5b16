// What the scripts on Node.js share: the lab's doors and accounts, as the test gives them (see round.rs).
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';

export const load = createRequire(`${process.env.NODE_MODULES}/`);
export const { FROM, FROM_PASSWORD, TO, TO_PASSWORD, MAIL } = process.env;
export const ca = readFileSync(process.env.CA);
export const port = (name) => Number(process.env[name]);

const holds = (folder, words) =>
  existsSync(folder) && readdirSync(folder).some((file) => {
    try {
      return readFileSync(`${folder}/${file}`, 'utf8').includes(words);
    } catch {
      return false;
    }
  });

/** Wait until a letter with these words lies in a mailbox. */
export async function arrived(words, account = TO, folder = '') {
  for (let tries = 0; tries < 600; tries += 1) {
    if (['new', 'cur'].some((place) => holds(`${MAIL}/${encodeURIComponent(account).replace('%40', '@')}/${folder}${place}`, words))) return;
    await pause(50);
  }
  throw new Error(`“${words}” did not come for ${account}`);
}
