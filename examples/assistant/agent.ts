// Answers in sessions: calls a tool, and asks for a payment before it writes a report. Killed at any moment and started again, it
// answers what has no answer yet.
//
//   AERIE_URL=http://127.0.0.1:4000 API_KEY=… node dist/examples/assistant/agent.js

import { connect, type Session } from 'aerie-client';
import WebSocket from 'ws';
import { fail, reasonOf, required } from '../environment.ts';

const { AERIE_URL: url = 'http://127.0.0.1:4000', CAPABILITY = 'assistant' } = process.env;
const { API_KEY: credential } = required('API_KEY');
const REPORT = { name: 'report', price: '0.05' };

async function serve(session: Session): Promise<void> {
  for await (const { content } of session) {
    await session.thinking('Reading');
    const wantsReport = content.startsWith('report');
    if (wantsReport && !(await isPaid(session))) {
      await session.reply('No report, then.');
      continue;
    }
    const now = await session.tool('clock', { zone: 'UTC' }, () => new Date().toISOString());
    await session.reply(wantsReport ? `Report of ${now}: all is well.` : `You said “${content}” at ${now}.`);
  }
}

async function isPaid(session: Session): Promise<boolean> {
  const request = { amount: REPORT.price, action: REPORT.name, description: 'A report on today' };
  return (await session.requestPayment(request)).approved;
}

async function main(): Promise<void> {
  const agent = await connect({ url, credential, WebSocket });
  await agent.announce([CAPABILITY, REPORT]);
  process.stdout.write(`${agent.id} serves as ${CAPABILITY}\n`);
  await agent.serveSessions(serve);
}

await main().catch((error: unknown) => fail(reasonOf(error)));
