import Type, { type Static } from 'typebox';
import { invalidPayload, payloadCheck, payloadFault, type Refusal } from '../../server/index.ts';
import { jsonBytes, sizeRefusal } from '../kernel/fields.ts';
import { Id } from '../kernel/ids.ts';
import { MAX_URL_LENGTH } from './callback_hosts.ts';

const MAX_PARAMETERS_KIB = 48;
const MAX_CONFIGURATION_KIB = 48;
const MAX_RESULT_KIB = 192;
const KIB = 1_024;

const JsonObject = Type.Record(Type.String(), Type.Unknown());

/** Payload of `control.execute` (VISUALISATION.md, 9.8). A malformed agent is one that does not exist. */
const ExecutePayload = Type.Object({
  targetAgent: Type.String(),
  command: Type.String({ minLength: 1, maxLength: 128 }),
  parameters: Type.Optional(JsonObject),
  timeout: Type.Optional(Type.Integer({ minimum: 1_000, maximum: 300_000 })),
  callback: Type.Optional(
    Type.Object({
      type: Type.Literal('webhook'),
      url: Type.String({ minLength: 1, maxLength: MAX_URL_LENGTH }),
      secret: Type.Optional(Type.String({ minLength: 16, maxLength: 128 })),
    }),
  ),
});
export type ExecutePayload = Static<typeof ExecutePayload>;

const Configuration = Type.Object({
  topology: Type.Optional(
    Type.Union([Type.Literal('HIERARCHICAL'), Type.Literal('MESH'), Type.Literal('RING'), Type.Literal('STAR')]),
  ),
  coordinationStrategy: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  faultTolerance: Type.Optional(
    Type.Object({
      enabled: Type.Boolean(),
      redundancy: Type.Integer({ minimum: 0, maximum: 100 }),
      heartbeatInterval: Type.Integer({ minimum: 1_000, maximum: 3_600_000 }),
    }),
  ),
  performanceTargets: Type.Optional(
    Type.Object({
      maxLatency: Type.Number({ minimum: 0 }),
      minThroughput: Type.Number({ minimum: 0 }),
      targetSuccessRate: Type.Number({ minimum: 0, maximum: 1 }),
    }),
  ),
});
/** Configuration of a multi-agent, with whatever else stands in it. */
export type Configuration = Static<typeof Configuration>;

/** Payload of `control.multi-agent.configure`. */
const ConfigurePayload = Type.Object({
  'multi-agentId': Id,
  owner: Type.Optional(Id),
  configuration: Configuration,
});
export type ConfigurePayload = Static<typeof ConfigurePayload>;

export type Read<P> = { readonly ok: true; readonly payload: P } | Refusal;

const checkExecute = payloadCheck(ExecutePayload);
const checkConfigure = payloadCheck(ConfigurePayload);

export function readExecute(received: unknown): Read<ExecutePayload> {
  const checked = checkExecute(received) as Read<ExecutePayload>;
  if (!checked.ok) return checked;
  const { parameters } = checked.payload;
  if (parameters === undefined || jsonBytes(parameters) <= MAX_PARAMETERS_KIB * KIB) return checked;
  return tooLarge('/parameters', MAX_PARAMETERS_KIB);
}

export function readConfigure(received: unknown): Read<ConfigurePayload> {
  const checked = checkConfigure(received) as Read<ConfigurePayload>;
  if (!checked.ok || jsonBytes(checked.payload.configuration) <= MAX_CONFIGURATION_KIB * KIB) return checked;
  return tooLarge('/configuration', MAX_CONFIGURATION_KIB);
}

const tooLarge = (path: string, maxKiB: number) =>
  invalidPayload([payloadFault(path, `must not be larger than ${maxKiB} KiB`)]);

/** Events of agents on `agent:*` (PROTOCOL.md, section 5.7). */
export const agentEvents = {
  control_result: Type.Object({
    request_id: Type.String({ minLength: 1, maxLength: 128 }),
    ok: Type.Boolean(),
    result: Type.Optional(Type.Unknown()),
    error: Type.Optional(
      Type.Object({
        code: Type.Optional(Type.Union([Type.String({ maxLength: 128 }), Type.Number()])),
        message: Type.String({ maxLength: 1_024 }),
      }),
    ),
  }),
  vitals: Type.Object({
    cpu: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    memory: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    gpu: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  }),
};
export type ControlResultPayload = Static<typeof agentEvents.control_result>;
export type VitalsPayload = Static<typeof agentEvents.vitals>;

export const resultRefusal = (result: unknown) => sizeRefusal('/result', result, MAX_RESULT_KIB);

/** The server's events on `agent:*`. */
export const agentPushes = {
  control: Type.Object({
    request_id: Id,
    command: Type.String(),
    parameters: JsonObject,
    timeout_ms: Type.Integer(),
    requested_by: Type.String(),
  }),
  configuration: Type.Object({ multi_agent_id: Id, version: Type.Integer(), configuration: JsonObject }),
};
