import type { MemberCommand } from '../../../channels/coordination/commands.ts';
import type { Coordination, Participant, Role, Terms, Vote } from '../../../channels/coordination/state.ts';
import { NOW_MS } from '../kernel/scenario.ts';

export const TIMEOUT_MS = 30_000;

export const participant = (id: string, role: Role = 'voter'): Participant => ({ id, role });

export const terms = (fields: Partial<Terms> = {}): Terms => ({
  id: 'coord-123',
  pattern: 'CONSENSUS',
  initiatorId: 'agent-001',
  participants: [participant('agent-002'), participant('agent-003'), participant('agent-004', 'observer')],
  consensusThreshold: 0.66,
  timeoutMs: TIMEOUT_MS,
  proposal: { type: 'resource_allocation' },
  request: 'digest',
  ...fields,
});

/** Initiated at `NOW_MS`. */
export const coordination = (fields: Partial<Coordination> = {}): Coordination => ({
  ...terms(),
  initiatedAtMs: NOW_MS,
  ballots: [],
  reported: 0,
  ending: null,
  notices: [],
  noticesDueMs: null,
  revision: 1,
  paces: [],
  ...fields,
});

export const vote = (by: string, what: Vote): MemberCommand => ({ type: 'vote', by, vote: what });
export const report = (progress: number, by = 'agent-001'): MemberCommand => ({ type: 'progress', by, progress });
export const end = (status: 'COMPLETED' | 'FAILED', by = 'agent-001'): MemberCommand => ({ type: 'end', by, status });
export const cancel = (reason = 'no longer needed', by = 'agent-001'): MemberCommand => ({
  type: 'cancel',
  by,
  reason,
});
