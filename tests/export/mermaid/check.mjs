// Parses sequence diagrams with Mermaid itself, and holds what it found against the file's own lines.
// node check.mjs NODE_MODULES FILE…
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, ...files] = process.argv.slice(2);
const at = (file) => pathToFileURL(path.resolve(modules, file)).href;
const { JSDOM } = (await import(at('jsdom/lib/api.js'))).default;
const { window } = new JSDOM('<!doctype html><body></body>');
Object.assign(globalThis, { window, document: window.document });
const { default: mermaid } = await import(at('mermaid/dist/mermaid.core.mjs'));
mermaid.initialize({ startOnLoad: false, securityLevel: 'strict', maxTextSize: 1e7 });

for (const file of files) {
  const text = fs.readFileSync(file, 'utf8');
  const { diagramType } = await mermaid.parse(text);
  if (diagramType !== 'sequence') throw new Error(`${file}: read as ${diagramType}`);
  const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
  const lines = text.split('\n').map((line) => line.trim());
  const wanted = lines.filter((line) => line.startsWith('Note ') || /^h\d+-/.test(line)).length;
  const found = db.getMessages().filter((m) => typeof m.message === 'string' && m.from !== undefined).length;
  if (found !== wanted) throw new Error(`${file}: ${found} messages and notes of ${wanted}`);
  const participants = lines.filter((line) => line.startsWith('participant ')).length;
  if (db.getActors().size !== participants) throw new Error(`${file}: ${db.getActors().size} of ${participants}`);
  console.log(`${file}: ${found}`);
}
