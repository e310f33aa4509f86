import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { planVerityTree } from '@bowline/formats';
import { makeTestMachine, type TestFiles, type TestMachine } from '../machine/test-machine.testdata.ts';
import type { Region } from '../slots/slots.ts';
import type { RootTarget } from './contract.ts';
import { rootHashOf } from './release-fixture.testdata.ts';
import type { TransferLimits } from './transfer.ts';

/** Quick to give up, and quick to try again. */
export const TEST_LIMITS: Partial<TransferLimits> = {
  tries: 4,
  pauseMs: 1,
  maxPauseMs: 4,
  maxRetryAfterMs: 300,
  stallMs: 250,
  stallMinBytes: 64,
};

/** A machine with files that stand for the partitions of slots. */
export interface SlotMachine extends TestMachine {
  /** An empty slot, or one that holds these bytes. */
  slot(name: string, sizeBytes: number, content?: Uint8Array): Promise<RootTarget>;
}

/** Makes such a machine. */
export async function makeSlotMachine(files: TestFiles = {}, signal?: AbortSignal): Promise<SlotMachine> {
  const made = await makeTestMachine({ files, ...(signal === undefined ? {} : { signal }) });
  await mkdir(join(made.root, 'dev'), { recursive: true });
  const region = async (name: string, sizeBytes: number, content: Uint8Array): Promise<Region> => {
    const path = join(made.root, 'dev', name);
    await writeFile(path, content);
    const file = await open(path, 'r+');
    await file.truncate(sizeBytes);
    await file.close();
    return { path, offsetBytes: 0, sizeBytes };
  };
  return {
    ...made,
    slot: async (name, sizeBytes, content = new Uint8Array(0)) => ({
      data: await region(name, sizeBytes, content),
      hash: await region(`verity-${name}`, planVerityTree(Math.ceil(sizeBytes / 4096)).hashBytes, new Uint8Array(0)),
    }),
  };
}

/** Root hash of what a slot holds now. */
export async function rootHashOfSlot(target: RootTarget, rootBytes: number): Promise<string> {
  return rootHashOf((await readFile(target.data.path)).subarray(0, rootBytes));
}
