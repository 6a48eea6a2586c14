// What a page has of the library, as a bundler makes it (browser.spec.ts).
import { connect, indexedDb } from 'aerie-client';
import { useAgent, useChannel, usePresence, useTask } from 'aerie-client/react';
import { createElement, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

const bytes = (hex) => Uint8Array.from(hex.match(/../g), (digits) => Number.parseInt(digits, 16));
const optionsOf = ({ url, apiKey, seed }) => ({
  url,
  credential: apiKey,
  signingKey: bytes(seed),
  keep: indexedDb('agent'),
});

globalThis.start = async (who) => {
  globalThis.agent = await connect(optionsOf(who));
  return globalThis.agent.id;
};

/** Reads a task and pays for each chunk; what was read outlives the page. */
globalThis.read = async (taskId, channelId) => {
  const channel = await globalThis.agent.channel(channelId);
  const task = await globalThis.agent.task(taskId);
  for await (const chunk of task.output) {
    const read = JSON.parse(localStorage.getItem('read') ?? '[]');
    if (read.at(-1) !== chunk) localStorage.setItem('read', JSON.stringify([...read, chunk]));
    await channel.pay('0.01', { id: chunk });
  }
  return channel.balance;
};

function Shown({ options, taskId, channelId }) {
  const { agent, state, error } = useAgent(options);
  const present = usePresence(agent).map(({ name }) => name);
  const { text, isWhole, state: task } = useTask(agent, taskId);
  const { balance } = useChannel(agent, channelId);
  const shown = { state: state.name, reason: error?.reason, present, text, isWhole, status: task?.status, balance };
  return createElement('pre', { id: 'shown' }, JSON.stringify(shown));
}

globalThis.show = (who, taskId, channelId) => {
  const root = createRoot(document.body.appendChild(document.createElement('div')));
  const options = optionsOf(who);
  root.render(createElement(StrictMode, null, createElement(Shown, { options, taskId, channelId })));
  globalThis.hide = () => root.unmount();
};
globalThis.shown = () => JSON.parse(document.querySelector('#shown')?.textContent ?? '{}');
