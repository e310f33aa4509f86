import { rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { bootEntryName, ENTRY_FOLDER } from '@bowline/os-layout';
import type { BootMenu } from '../boot-menu/boot-menu.ts';
import { openBootMenu } from '../boot-menu/with-boot-menu.ts';
import { changeLifecycleRecord } from '../lifecycle-record/record-file.ts';
import { type OpenBlockWriter, openBlockWriter } from '../slots/block-writer.ts';
import { findSystemDisk } from '../slots/find-system-disk.ts';
import { nameSlot, slotOf } from '../slots/name-slot.ts';
import { oneChunk, putUki, type TestSystem } from './test-system.testdata.ts';
import type { TestVersion } from './test-version.testdata.ts';
import type { UpgradePorts } from './upgrade-ports.ts';
import type { StepKind } from './upgrade-step.ts';
import { rootHashOfSlot } from './verify-slot.ts';

/** What goes wrong: an operation fails with a code of the system, or the agent or the machine ends. */
export type Fault = 'EIO' | 'ENOSPC' | 'EROFS' | 'kill' | 'hang' | 'power cut';

/** Moments at which each is tried: a full disk fails before or within a write, a killed agent leaves no half of a sector. */
export const FAULT_MOMENTS: Readonly<Record<Fault, readonly Moment['when'][]>> = {
  EIO: ['before', 'within', 'after'],
  ENOSPC: ['before', 'within'],
  EROFS: ['before'],
  kill: ['before', 'after'],
  hang: ['before', 'within'],
  'power cut': ['before', 'within', 'after'],
};

/** A moment of an upgrade: before, in the middle of, or after one operation of a step. */
export interface Moment {
  step: StepKind;
  operation: string;
  when: 'before' | 'within' | 'after';
}

/** Says of each moment whether the fault happens there; it is asked in the order in which the moments come. */
export type Schedule = (moment: Moment) => Fault | undefined;

/** The machine is gone: nothing of ours runs any more, no clean-up either. */
class PowerCut extends Error {}

const HANG_MS = 20;

/** Ports of a test system that fail on schedule. An operation that is cut in the middle leaves half of what it writes. */
export function faultyPorts(system: TestSystem, next: TestVersion, schedule: Schedule): UpgradePorts {
  const { machine, esp } = system;
  const controller = new AbortController();
  let current: StepKind = 'note';
  let isOff = false;
  /** `half` leaves what the operation would leave in the middle; undefined: it is done whole or not at all. */
  const run = async <T>(operation: string, work: () => Promise<T>, half?: () => Promise<void>): Promise<T> => {
    if (isOff) throw new PowerCut();
    await strike({ step: current, operation, when: 'before' });
    if (half !== undefined) await strike({ step: current, operation, when: 'within' }, half);
    const result = await work();
    await strike({ step: current, operation, when: 'after' });
    return result;
  };
  const strike = async (moment: Moment, half?: () => Promise<void>): Promise<void> => {
    const fault = schedule(moment);
    if (fault === undefined) return;
    await half?.();
    if (fault === 'hang') {
      await delay(HANG_MS);
      controller.abort(new DOMException('The time is up.', 'TimeoutError'));
      controller.signal.throwIfAborted();
    }
    if (fault === 'kill' || fault === 'power cut') {
      isOff = true;
      throw new PowerCut(fault);
    }
    throw Object.assign(new Error(`${fault}: it went wrong`), { code: fault });
  };
  const openWriter: OpenBlockWriter = async (path) => {
    const writer = await openBlockWriter(path);
    return {
      write: (offset, bytes) =>
        run(
          'write',
          () => writer.write(offset, bytes),
          () => writer.write(offset, bytes.subarray(0, Math.floor(bytes.length / 1024) * 512)),
        ),
      flush: () => run('flush', () => writer.flush()),
      close: () => writer.close(),
    };
  };
  return {
    withMenu: async (work) => work(faultyMenu(await openBootMenu(machine, esp), system, next, run)),
    writeRoot: async (slotName) => {
      const slot = slotOf(await findSystemDisk(machine), slotName);
      const writer = await openWriter(slot.data.path);
      try {
        const half = next.root.length / 2;
        await writer.write(slot.data.offsetBytes, next.root.subarray(0, half));
        await writer.write(slot.data.offsetBytes + half, next.root.subarray(half));
        await writer.write(slot.hash.offsetBytes, next.hash);
        await writer.flush();
      } finally {
        await writer.close();
      }
      const rootHash = (await rootHashOfSlot(slot, controller.signal)) ?? 'none';
      return { rootHash, fetchedBytes: next.rootBytes, reusedBytes: 0, keptBytes: 0, readFromDisk: true };
    },
    nameSlot: async (slotName, rootHash) => nameSlot(await findSystemDisk(machine), slotName, rootHash, openWriter),
    uki: () => oneChunk(next.uki),
    changeRecord: (change) => run('record', () => changeLifecycleRecord(machine, change)),
    runHooks: () => run('hooks', () => Promise.resolve()),
    now: () => '2026-01-02T03:04:05.000Z',
    signal: controller.signal,
    progress: () => undefined,
    onStep: (step) => {
      current = step.kind;
    },
  };
}

type Run = <T>(operation: string, work: () => Promise<T>, half?: () => Promise<void>) => Promise<T>;

/** The real boot menu, with faults around its operations. */
function faultyMenu(menu: BootMenu, { esp }: TestSystem, next: TestVersion, run: Run): BootMenu {
  return {
    firmware: menu.firmware,
    list: () => menu.list(),
    started: () => menu.started(),
    freeBytes: () => menu.freeBytes(),
    chooseOnce: (generation) => menu.chooseOnce(generation),
    bless: (generation) => menu.bless(generation),
    markBad: (generation) => menu.markBad(generation),
    dropUnusedUkis: () => run('drop', () => menu.dropUnusedUkis()),
    remove: async (generation) => {
      const entry = (await menu.list()).find((one) => one.generation === generation);
      const path = join(esp, ENTRY_FOLDER, bootEntryName(generation, entry?.tries));
      return run(
        'remove',
        () => menu.remove(generation),
        () => rm(path, { force: true }),
      );
    },
    addUki: (digest, bytes, sizeBytes) =>
      run(
        'uki',
        () => menu.addUki(digest, bytes, sizeBytes),
        () => putUki(esp, digest, next.uki.subarray(0, next.uki.length / 2)),
      ),
    prepare: async (entry) => {
      const path = join(esp, ENTRY_FOLDER, bootEntryName(entry.generation, entry.tries));
      const cutShort = async () => {
        await menu.prepare(entry);
        await truncate(path, 0);
      };
      const prepared = await run('prepare', () => menu.prepare(entry), cutShort);
      return { commit: () => run('commit', () => prepared.commit()) };
    },
  };
}
