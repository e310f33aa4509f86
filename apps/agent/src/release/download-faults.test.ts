import { join } from 'node:path';
import { BowlineError } from '@bowline/errors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../exit-codes.ts';
import type { RootTarget, WrittenRoot } from './contract.ts';
import { FAULTS, misbehaviour } from './download-faults.testdata.ts';
import { openRelease } from './open-release.ts';
import { makeRoot, makeSigner, type TestRelease, writeTestRelease } from './release-fixture.testdata.ts';
import { makeSlotMachine, rootHashOfSlot, type SlotMachine, TEST_LIMITS } from './release-machine.testdata.ts';
import { ReleaseServer } from './release-server.testdata.ts';
import { writeRoot } from './write-root.ts';

const SIZE = 65_536;
const SLOT = 128 * 1024;
const SIGNER = makeSigner('vendor.pem');
let made: SlotMachine;
let wanted: TestRelease;
let slots = 0;

beforeAll(async () => {
  made = await makeSlotMachine();
  wanted = await writeTestRelease({ folder: join(made.root, 'release'), root: makeRoot(1, SIZE), signers: [SIGNER] });
});
afterAll(() => made.remove());

/** Everything that an upgrade fetches. */
async function upgrade(
  source: string,
  host: string,
  slot: string,
  target: RootTarget,
  stallMs = 10_000,
): Promise<WrittenRoot & { uki: string }> {
  const limits = { ...TEST_LIMITS, tries: 3, stallMs };
  const release = await openRelease(made.machine, source, { limits, keys: [SIGNER.key], plainHttp: [host] });
  await release.inventory();
  const pieces: Uint8Array[] = [];
  for await (const piece of release.uki()) pieces.push(piece);
  const written = await writeRoot(release, target, { bases: [], journal: slot });
  expect(await rootHashOfSlot(target, SIZE)).toBe(wanted.rootHash);
  return { ...written, uki: Buffer.concat(pieces).toString() };
}

/** The first try ends well or with an error that says what to do; with a sound server the second one succeeds. */
async function expectOldOrNew(kind: 'url' | 'reference', { fault, target, often }: Row): Promise<string> {
  const server = await ReleaseServer.start(wanted.folder);
  try {
    const what = kind === 'reference' && target === 'manifest' ? 'manifest' : await nameOf(target);
    server.misbehave = misbehaviour(FAULTS[fault] as never, what, often);
    const name = `s${(slots += 1)}`;
    const slot = await made.slot(name, SLOT);
    const run = (stallMs?: number) => upgrade(server[kind], server.host, name, slot, stallMs);
    const first = await run(SILENT.has(fault) ? 40 : undefined).then(
      ({ rootHash, uki }) => {
        expect([rootHash, uki]).toEqual([wanted.rootHash, `UKI ${wanted.rootHash}`]);
        return 'right';
      },
      (error: unknown) => {
        if (!(error instanceof BowlineError)) throw error;
        expect(EXIT_CODES).toHaveProperty(error.code);
        expect(error.hint ?? '').not.toBe('');
        return error.code;
      },
    );
    server.misbehave = undefined;
    if (first !== 'right') expect((await run()).rootHash).toBe(wanted.rootHash);
    return first;
  } finally {
    await server.stop();
  }
}

type Often = 'once' | 'always';
type Target = 'index' | 'manifest' | 'document' | 'signatures' | 'chunkIndex' | 'chunks' | 'uki' | 'inventory';

/** What the server calls a thing. */
async function nameOf(target: Target): Promise<string> {
  if (target === 'index') return 'index';
  const { readFile } = await import('node:fs/promises');
  const index = JSON.parse(await readFile(join(wanted.folder, 'index.json'), 'utf8')) as Manifest;
  const digest = index.manifests?.[0]?.digest ?? '';
  if (target === 'manifest') return digest;
  const manifest = JSON.parse(await readFile(join(wanted.folder, 'blobs/sha256', digest.slice(7)), 'utf8')) as Manifest;
  if (target === 'document') return manifest.config?.digest ?? '';
  if (target !== 'signatures') return wanted.document[target].sha256;
  return manifest.layers?.find(({ mediaType }) => mediaType.includes('signatures'))?.digest ?? '';
}
interface Manifest {
  manifests?: { digest: string }[];
  config?: { digest: string };
  layers?: { digest: string; mediaType: string }[];
}

/** Faults that only patience can tell from a slow network. */
const SILENT = new Set(['silence before the answer', 'silence in the middle', 'slow loris']);
/** These do not pass by trying again, so one is enough to end the first run. */
const LASTING = new Set(['401', '403', '404', '410', '416', '429, wait an hour']);
/** These harm nobody, however often. */
const HARMLESS = new Set(['200 instead of 206', 'longer than it should be']);
/** What differs for things that are read as a whole. */
const OF_WHOLES = [
  ...['bit flip', 'truncated, connection dropped', 'shorter, as if that were all', 'longer than it should be'],
  ...['200 instead of 206', 'other bytes of the same length', 'nothing at all', '404', '503', 'a login page'],
];
const OFTEN: readonly Often[] = ['once', 'always'];

interface Row {
  fault: string;
  target: Target;
  often: Often;
}

function rowsOf(targets: readonly Target[], faults: readonly string[]): Row[] {
  return targets.flatMap((target) => faults.flatMap((fault) => OFTEN.map((often) => ({ fault, target, often }))));
}

function expectOutcome({ fault, target, often }: Row, outcome: string): void {
  if (target !== 'chunks') return;
  const isOvercome = HARMLESS.has(fault) || (often === 'once' && !LASTING.has(fault));
  // Patience is short here: on a busy machine a sound answer may come too late as well.
  if (!isOvercome) expect(outcome).not.toBe('right');
  else if (!SILENT.has(fault)) expect(outcome).toBe('right');
}

const ALL = Object.keys(FAULTS);
const WHOLES: readonly Target[] = ['index', 'manifest', 'document', 'signatures', 'chunkIndex', 'uki', 'inventory'];

// Together: they mostly wait for disks and timers.
describe.concurrent('a web server', () => {
  it.each([...rowsOf(['chunks'], ALL), ...rowsOf(WHOLES, OF_WHOLES)])('$target: $fault, $often', async (row) => {
    expectOutcome(row, await expectOldOrNew('url', row));
  });
});

describe.concurrent('a registry', () => {
  it.each([...rowsOf(['chunks'], ALL), ...rowsOf(['manifest', 'uki'], OF_WHOLES)])(
    '$target: $fault, $often',
    async (row) => {
      // The client repeats what a registry refuses for the moment only, and what it refuses for good is an error.
      const outcome = await expectOldOrNew('reference', row);
      if (row.often === 'always' || !LASTING.has(row.fault)) expectOutcome(row, outcome);
    },
  );
});
