import type { NoticeRef } from '../messages/notifications.ts';
import type { Contents, EndStatus, Task } from './state.ts';
import type { Role, StreamName } from './stream.ts';

export type TaskCommand =
  | CreateTask
  | StoreChunk
  | CompleteStream
  | ReportProgress
  | SaveCheckpoint
  | EndTask
  | { readonly type: 'settle_end' }
  | { readonly type: 'settle_forgetting' }
  | { readonly type: 'drop_streams' };

export interface CreateTask {
  readonly type: 'create';
  readonly fields: TaskFields;
  readonly request: string;
  readonly notices: readonly NoticeRef[];
}

/** Fields given by the creator of a task. */
export type TaskFields = Pick<
  Task & Contents,
  | 'id'
  | 'clientAgentId'
  | 'providerAgentId'
  | 'appId'
  | 'creatorAgentId'
  | 'capability'
  | 'priceMicro'
  | 'metadata'
  | 'negotiationId'
  | 'paymentChannelId'
>;

export interface StoreChunk {
  readonly type: 'store_chunk';
  readonly by: Role;
  readonly stream: StreamName;
  readonly seq: number;
  readonly chunk: string;
}

export interface CompleteStream {
  readonly type: 'complete_stream';
  readonly by: Role;
  readonly stream: StreamName;
  readonly checksum: string;
  readonly totalSize: number;
  /** Checksum of the first `count` stored chunks; undefined before it was computed. */
  readonly found: { readonly count: number; readonly checksum: string } | undefined;
}

export interface ReportProgress {
  readonly type: 'report_progress';
  readonly by: Role;
  readonly percent: number;
  readonly message: string | undefined;
}

export interface SaveCheckpoint {
  readonly type: 'save_checkpoint';
  readonly by: Role;
  readonly seq: number;
  readonly state: unknown;
}

export interface EndTask {
  readonly type: 'end';
  readonly by: Role;
  /** Retention of the streams from then on. */
  readonly retentionMs: number;
  readonly as: Ending;
}

export type Ending =
  | { readonly status: 'completed'; readonly result: unknown }
  | { readonly status: 'failed'; readonly error: { readonly type: string; readonly details: unknown } }
  | { readonly status: 'cancelled'; readonly reason: string };

export type TaskEvent =
  | { readonly type: 'created' }
  | { readonly type: 'started' }
  | {
      readonly type: 'chunk_stored';
      readonly stream: StreamName;
      readonly seq: number;
      readonly ordinal: number;
      readonly bytes: number;
    }
  | {
      readonly type: 'stream_completed';
      readonly stream: StreamName;
      readonly ordinal: number;
      readonly checksum: string;
      readonly totalSize: number;
    }
  | { readonly type: 'progressed'; readonly percent: number; readonly message: string | undefined }
  | { readonly type: 'checkpointed'; readonly seq: number }
  | { readonly type: EndStatus; readonly by: Role }
  | { readonly type: 'settled' }
  | { readonly type: 'streams_dropped' };
