// nodemailer hands letters in: three ways to log in, STARTTLS, TLS from the first byte, DSN, UTF-8 in an address, a pool.
import assert from 'node:assert/strict';
import { arrived, ca, FROM, FROM_PASSWORD, load, port, TO } from './lib.mjs';

const nodemailer = load('nodemailer');
const auth = { user: FROM, pass: FROM_PASSWORD };
const letter = (subject, more) => ({
  from: FROM, to: TO, subject, text: 'At four?', date: new Date('2026-01-05T09:00:00Z'),
  messageId: `<${subject.replace(/[^a-z]/gi, '').toLowerCase()}@example.com>`, ...more,
});
const post = (options) => nodemailer.createTransport({ host: 'localhost', name: 'laptop.example.com', auth, tls: { ca }, ...options });

async function send(transport, subject, more) {
  const info = await transport.sendMail(letter(subject, more));
  assert.match(info.response, /^250 /);
  return info;
}

for (const method of ['PLAIN', 'LOGIN', 'CRAM-MD5']) {
  const plain = post({ port: port('SUBMISSION'), ignoreTLS: true, authMethod: method });
  await send(plain, `by ${method}`);
  await arrived(`Subject: by ${method}`);
}
const starttls = post({ port: port('SUBMISSION'), requireTLS: true });
assert.equal(await starttls.verify(), true);
await send(starttls, 'in STARTTLS', { html: '<p>At four?</p>', attachments: [{ filename: 'tea.txt', content: 'Earl Grey' }] });
await send(starttls, 'with DSN', { dsn: { id: 'tea', return: 'headers', notify: ['success', 'failure'], recipient: TO } });
await arrived('Original-Envelope-Id: tea', FROM);
await send(starttls, 'to an address in UTF-8', { to: 'jörg@example.net' });
await arrived('to an address in UTF-8', 'jörg@example.net');
await send(post({ port: port('SUBMISSIONS'), secure: true }), 'in TLS');
const pool = post({ port: port('SUBMISSION'), pool: true, maxConnections: 2 });
await Promise.all(['one', 'two', 'three', 'four'].map((n) => send(pool, `in a pool, ${n}`)));
pool.close();
for (const subject of ['in STARTTLS', 'with DSN', 'in TLS', 'in a pool, four']) await arrived(`Subject: ${subject}`);
await assert.rejects(send(starttls, 'lost', { to: 'bob@example.nett' }), /550 5\.1\.2 example\.nett/);
