import type { Subject } from '../scenario.ts';
import { atOnce } from './at_once.ts';
import { StampedFrame } from './client_frame.ts';
import { Member } from './member.ts';
import { placeholder } from './stamp.ts';
import { wires } from './wires/index.ts';

const AT_ONCE = 64;

/** A room whose members all have a WebSocket. */
export interface MemberRoom {
  readonly members: readonly Member[];
  readonly frame: StampedFrame;
}

/** Opens rooms with members in them; members take turns at the nodes. */
export async function openRooms(
  subject: Subject,
  count: number,
  membersEach: number,
  size: number,
): Promise<MemberRoom[]> {
  const wire = wires[subject.wire];
  const members = await atOnce(count * membersEach, AT_ONCE, async (index) => {
    const node = subject.nodes[index % subject.nodes.length];
    if (!node) throw new Error('no node');
    const member = await Member.connect(node.port, wire);
    await member.join(topicOf(Math.floor(index / membersEach)));
    return member;
  });
  return Array.from({ length: count }, (_, room) => ({
    members: members.slice(room * membersEach, (room + 1) * membersEach),
    frame: new StampedFrame(wire.shout(topicOf(room), placeholder(size))),
  }));
}

const topicOf = (room: number) => `room:${room}`;
