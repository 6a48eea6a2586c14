import type { Principal } from '../channels/principals/authenticate.ts';
import type { Domain } from '../channels/principals/domain.ts';
import { version } from '../server/endpoint/index.ts';
import { type Call, httpRefusal, jsonAnswer } from '../server/http/index.ts';
import type { HttpAnswer, Refusal } from '../server/index.ts';
import { type ConsoleFiles, readConsole } from './console_files.ts';

type AnybodysCall = Call<Principal | undefined>;

const DOCUMENTS = {
  health: '/health',
  ready: '/ready',
  metrics: '/metrics',
  rpc_schema: '/rpc/schema',
};

/** `GET /console`, the page on which people see their agents at work, and `GET /`, which sends a browser there. */
export function consoleFeature(files: ConsoleFiles | undefined = readConsole()): Domain {
  const open = { method: 'GET', access: 'anybody' } as const;

  function page({ exchange }: AnybodysCall, name?: string): HttpAnswer | Refusal {
    return files?.answer(exchange, name) ?? httpRefusal('not_found');
  }

  function root({ exchange }: AnybodysCall): HttpAnswer {
    const isBrowser = exchange.header('accept')?.includes('text/html') === true;
    if (isBrowser && files) return { status: 302, headers: { location: '/console' } };
    const documents = { ...(files && { console: '/console' }), ...DOCUMENTS };
    return jsonAnswer(200, { name: 'aerie', version, documents });
  }

  return {
    name: 'console',
    routes: [
      { ...open, path: '/', handle: root },
      { ...open, path: '/console', handle: (call: AnybodysCall) => page(call) },
      { ...open, path: '/console/:file', handle: (call: AnybodysCall) => page(call, call.param('file')) },
    ],
  };
}
