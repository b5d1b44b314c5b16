// imapflow at a message store, in clear: waits with IDLE until a letter comes; then searches, moves, asks for what has changed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { arrived, ca, FROM, FROM_PASSWORD, load, port, TO, TO_PASSWORD } from '../lib.mjs';

const { ImapFlow } = load('imapflow');
const nodemailer = load('nodemailer');
const post = nodemailer.createTransport({
  host: 'localhost', port: port('SUBMISSION'), name: 'laptop.example.com', ignoreTLS: true,
  auth: { user: FROM, pass: FROM_PASSWORD },
});
async function bring(subject) {
  const date = new Date('2026-01-05T09:00:00Z');
  const messageId = `<${subject.replace(/[^a-z]/gi, '').toLowerCase()}@example.com>`;
  await post.sendMail({ from: 'alice@example.com', to: TO, subject, text: 'At four?', date, messageId });
  await arrived(`Subject: ${subject}`);
}
const open = async (options) => {
  const client = new ImapFlow({
    host: 'localhost', secure: false, auth: { user: TO, pass: TO_PASSWORD }, tls: { ca }, logger: false,
    clientInfo: { name: 'imapflow' }, ...options,
  });
  await client.connect();
  return client;
};

const client = await open({ port: port('TO_IMAP'), doSTARTTLS: false, qresync: true });
await client.mailboxOpen('INBOX');
const told = once(client, 'exists');
const waiting = client.idle();
await bring('the first');
await told;
await client.noop();
await waiting;
await bring('the second');
await client.noop();
const second = await client.search({ subject: 'second' }, { uid: true });
assert.equal(second.length, 1);
const { modseq } = await client.fetchOne(second[0], { envelope: true, flags: true, bodyStructure: true, labels: true }, { uid: true });
await client.messageFlagsAdd(second, ['\\Flagged', '$Important'], { uid: true });
const changed = [];
for await (const message of client.fetch('1:*', { flags: true }, { changedSince: modseq })) changed.push(message.uid);
assert.deepEqual(changed, second);
const { content } = await client.download(second[0], 'TEXT', { uid: true });
const pieces = [];
for await (const piece of content) pieces.push(piece);
assert.match(Buffer.concat(pieces).toString(), /At four\?/);
await client.mailboxCreate('Entwürfe');
await client.mailboxSubscribe('Entwürfe');
await client.messageMove(second, 'Entwürfe', { uid: true });
await arrived('Subject: the second', TO, '.Entw&APw-rfe/');
await client.append('Entwürfe', 'Subject: kept\r\n\r\nNot sent.\r\n', ['\\Draft'], new Date('2026-01-05T09:00:00Z'));
await arrived('Subject: kept', TO, '.Entw&APw-rfe/');
const boxes = await client.list({ statusQuery: { messages: true, unseen: true } });
assert.equal(boxes.find((box) => box.path === 'Entwürfe').status.messages, 2);
await client.logout();
