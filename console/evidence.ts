import { call } from './http.ts';

interface Page {
  readonly items: readonly object[];
  readonly next_cursor?: string;
}

interface Parties {
  readonly channel: { readonly agent_a: string; readonly agent_b: string };
}

const PAGE = 500;

/** Gathers what `aerie verify` takes: the channel, all of its history, and the public keys of both sides. */
export async function paymentEvidence(credential: string, networkId: string, channelId: string): Promise<object> {
  const path = `/api/payment_channels/${encodeURIComponent(channelId)}`;
  const { channel } = await call<Parties>(credential, path);
  const history: object[] = [];
  for (let after: string | undefined = '0'; after !== undefined; ) {
    const page: Page = await call<Page>(credential, `${path}/history?after=${after}&limit=${PAGE}`);
    history.push(...page.items);
    after = page.next_cursor;
  }
  const keys = await Promise.all(
    [channel.agent_a, channel.agent_b].map(async (id) => {
      const { agent } = await call<{ agent: { public_key: string } }>(credential, `/api/agents/${id}`);
      return [id, agent.public_key] as const;
    }),
  );
  return { network_id: networkId, public_keys: Object.fromEntries(keys), channel, history };
}

/** Hands a file to the person at the page. */
export function download(name: string, content: object): void {
  const url = URL.createObjectURL(new Blob([JSON.stringify(content, null, 2)], { type: 'application/json' }));
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  URL.revokeObjectURL(url);
}
