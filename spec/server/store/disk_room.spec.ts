import { tmpdir } from 'node:os';
import { diskRoom } from '../../../server/store/disk_room.ts';
import { StoreUnavailable } from '../../../server/store/port.ts';

const MIB = 1024 * 1024;

describe('the room on the disk', () => {
  it('stops writes while less than 64 MiB are free, and lets them go on after', async () => {
    let free = 64 * MIB;
    let nowMs = 1_000;
    let looks = 0;
    const look = async () => {
      looks += 1;
      return free;
    };
    const room = diskRoom('/data', look, () => nowMs);
    await room.look();
    room.assertRoom();
    free -= 1;
    nowMs += 99;
    room.assertRoom();
    expect(looks).toBe(1);

    nowMs += 1;
    room.assertRoom();
    await settled();
    expect(looks).toBe(2);
    expect(() => room.assertRoom()).toThrow(StoreUnavailable);
    expect(() => room.assertRoom()).toThrow(/^Less than 64 MiB free in \/data: [^\n]+$/);

    free += 1;
    nowMs += 100;
    expect(() => room.assertRoom()).toThrow(StoreUnavailable);
    await settled();
    room.assertRoom();
    expect(looks).toBe(3);
  });

  it('looks once at a time, however long that takes', async () => {
    let nowMs = 1_000;
    let looks = 0;
    const room = diskRoom(
      '/data',
      () => {
        looks += 1;
        return new Promise(() => {});
      },
      () => nowMs,
    );
    for (let i = 0; i < 5; i++) {
      room.assertRoom();
      nowMs += 1_000;
    }
    expect(looks).toBe(1);
  });

  it('lets writes go on where a file system does not tell', async () => {
    const room = diskRoom('/data', () => Promise.reject(new Error('ENOSYS')));
    await room.look();
    room.assertRoom();
  });

  it('asks the real disk', async () => {
    const room = diskRoom(tmpdir());
    await room.look();
    room.assertRoom();
  });
});

const settled = () => new Promise((resolve) => setImmediate(resolve));
