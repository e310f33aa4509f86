import { existsSync } from 'node:fs';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { openBootMenu } from '../boot-menu/with-boot-menu.ts';
import { findVersion } from '../lifecycle-record/record.ts';
import { readLifecycleRecord } from '../lifecycle-record/record-file.ts';
import { forecast } from './boot-forecast.testdata.ts';
import { FAULT_MOMENTS, type Fault, faultyPorts, type Moment, type Schedule } from './faults.testdata.ts';
import { planUpgrade } from './plan-upgrade.ts';
import { runSteps } from './run-steps.ts';
import { type InstalledVersion, makeTestSystem, type TestSystem } from './test-system.testdata.ts';
import { makeTestVersion } from './test-version.testdata.ts';
import { STEP_KINDS, type StepKind, type UpgradeStep } from './upgrade-step.ts';

const BAD = { left: 0, done: 3 };
const NEXT = makeTestVersion('3');
const OLD = makeTestVersion('2');
const WISH = { recovery: false, force: true, allowDowngrade: true };

/** The machine on which every fault is tried: its first version runs and is the last good one. */
const MACHINE: readonly InstalledVersion[] = [
  { version: '2', slot: 'a', tries: 'good' },
  { version: '1', slot: 'b', tries: BAD },
];

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });
// Hundreds of machines are made, each with dozens of flushes.
if (existsSync('/dev/shm')) process.env['TMPDIR'] = '/dev/shm';

/** Orders of the steps, for the test of the test. */
type Reorder = (steps: readonly UpgradeStep[]) => readonly UpgradeStep[];
const inOrder: Reorder = (steps) => steps;

async function upgrade(system: TestSystem, schedule: Schedule, reorder = inOrder, recovery = false): Promise<unknown> {
  const plan = planUpgrade(await system.facts(NEXT), { ...WISH, recovery });
  if (plan.kind === 'refused') throw new Error(plan.refusals.map(({ message }) => message).join(' '));
  return runSteps(reorder(plan.steps), NEXT, faultyPorts(system, NEXT, schedule)).catch((error: unknown) => error);
}

const never: Schedule = () => undefined;

/** All moments of an upgrade without faults. */
async function listMoments(
  installed: readonly InstalledVersion[],
  reorder = inOrder,
  recovery = false,
  firmware: 'uefi' | 'bios' = 'uefi',
): Promise<Moment[]> {
  const system = await makeTestSystem(installed, firmware);
  const moments: Moment[] = [];
  await upgrade(system, (moment) => void moments.push(moment), reorder, recovery);
  await system.remove();
  return moments;
}

/** Lets a fault happen at one moment only, by its number. */
function only(number: number, fault: Fault): Schedule {
  let count = 0;
  return () => (count++ === number ? fault : undefined);
}

/** Why the machine is not as it must be whenever an upgrade ends; empty when it is. */
async function problems(system: TestSystem): Promise<string[]> {
  const { starts, fails, sound } = await forecast(system);
  const found: string[] = [];
  if (starts === undefined) found.push('neither version starts');
  else if (starts !== OLD.rootHash && starts !== NEXT.rootHash) found.push('something else starts');
  if (fails.length > 0) found.push(`a start is lost: ${fails.join(', ')}`);
  if (!sound.includes(OLD.rootHash)) found.push('the last good version is gone');
  const { record, trouble } = await readLifecycleRecord(system.machine);
  if (trouble !== undefined) found.push(trouble.message);
  if (findVersion(record, 1)?.version !== OLD.version) found.push('the record forgot the old version');
  const entries = await (await openBootMenu(system.machine, system.esp)).list();
  const entry = entries.find(({ ukiDigest }) => ukiDigest === NEXT.ukiDigest);
  const promised = record.versions.filter(({ verdict }) => verdict === 'trial');
  if (promised.some(({ generation }) => entries.every((one) => one.generation !== generation))) {
    found.push('the record promises a version that is not there');
  }
  const known = record.versions.find(({ imageId }) => imageId === NEXT.imageId);
  if (known !== undefined && entry === undefined) found.push('the record names a version that does not start');
  if (entry !== undefined && known === undefined && record.pending?.imageId !== NEXT.imageId) {
    found.push('the record knows nothing of the version that starts');
  }
  return found;
}

const kinds = Object.keys(STEP_KINDS) as StepKind[];
const faults = Object.keys(FAULT_MOMENTS) as Fault[];

describe('an upgrade: old or new starts, state is whole, the record is true, and a second try succeeds', () => {
  let moments: Moment[] = [];
  beforeAll(async () => {
    moments = await listMoments(MACHINE);
  });

  it('has a moment in every step', () => {
    // Verifying is part of writing: it judges what the step before has found.
    expect(new Set(moments.map(({ step }) => step))).toEqual(new Set(kinds.filter((kind) => kind !== 'verify')));
  });

  it.each(kinds.flatMap((kind) => faults.map((fault) => [kind, fault] as const)))('%s x %s', async (kind, fault) => {
    for (const [number, moment] of moments.entries()) {
      if (moment.step !== kind || !FAULT_MOMENTS[fault].includes(moment.when)) continue;
      const where = JSON.stringify(moment);
      const system = await makeTestSystem(MACHINE);
      const result = await upgrade(system, only(number, fault));
      if (!STEP_KINDS[kind].afterCommit) expect(result, where).toBeInstanceOf(Error);
      expect(await problems(system), where).toEqual([]);
      expect(await upgrade(system, never), where).not.toBeInstanceOf(Error);
      expect((await forecast(system)).starts, where).toBe(NEXT.rootHash);
      expect(await problems(system), where).toEqual([]);
      const { record } = await readLifecycleRecord(system.machine);
      expect(record, where).not.toHaveProperty('pending');
      expect(record.versions.at(-1), where).toMatchObject({ version: '3', verdict: 'trial', slot: 'b' });
      await system.remove();
    }
  });
});

describe('writing the recovery system', () => {
  it.each(kinds)('never changes which version starts, whenever power fails: %s', async (kind) => {
    const installed: InstalledVersion[] = [...MACHINE, { version: '1', slot: 'recovery', tries: 'good' }];
    const moments = await listMoments(installed, inOrder, true);
    for (const [number, { step }] of moments.entries()) {
      if (step !== kind) continue;
      const system = await makeTestSystem(installed);
      await upgrade(system, only(number, 'power cut'), inOrder, true);
      expect(await forecast(system)).toMatchObject({ starts: OLD.rootHash, fails: [] });
      expect(await upgrade(system, never, inOrder, true)).not.toBeInstanceOf(Error);
      const { starts, sound } = await forecast(system);
      expect(starts).toBe(OLD.rootHash);
      expect(sound).toContain(NEXT.rootHash);
      await system.remove();
    }
  });
});

describe('a BIOS machine, whose menu is one of GRUB', () => {
  it.each(kinds)('starts old or new whenever power fails, and a second try succeeds: %s', async (kind) => {
    const moments = await listMoments(MACHINE, inOrder, false, 'bios');
    for (const [number, { step, when }] of moments.entries()) {
      if (step !== kind || when === 'within') continue;
      const system = await makeTestSystem(MACHINE, 'bios');
      await upgrade(system, only(number, 'power cut'));
      expect(await problems(system), JSON.stringify(moments[number])).toEqual([]);
      expect(await upgrade(system, never)).not.toBeInstanceOf(Error);
      expect((await forecast(system)).starts).toBe(NEXT.rootHash);
      expect(await problems(system)).toEqual([]);
      await system.remove();
    }
  });
});

describe('the test itself', () => {
  it.each<[string, Reorder]>([
    ['the entry before the slot', (steps) => moveBehind(steps, ['write-root', 'verify', 'name-slot'], 'commit')],
    ['the entry before the name of the slot', (steps) => moveBehind(steps, ['name-slot'], 'commit')],
    ['the slot while its entry is there', (steps) => moveBehind(steps, ['remove-entry'], 'verify')],
  ])('finds a machine that loses a start when the order is wrong: %s', async (_title, reorder) => {
    const installed: InstalledVersion[] = [
      { version: '2', slot: 'a', tries: 'good' },
      // It waits for its first start: the next upgrade takes its slot.
      { version: '1', slot: 'b', tries: { left: 3, done: 0 } },
    ];
    const moments = await listMoments(installed, reorder);
    const found = new Set<string>();
    for (const number of moments.keys()) {
      const system = await makeTestSystem(installed);
      await upgrade(system, only(number, 'power cut'), reorder);
      for (const fail of (await forecast(system)).fails) found.add(fail);
      await system.remove();
    }
    expect([...found]).not.toEqual([]);
  });

  it('finds none in the right order on the same machine, whose record stays true', async () => {
    const installed: InstalledVersion[] = [
      { version: '2', slot: 'a', tries: 'good' },
      { version: '1', slot: 'b', tries: { left: 3, done: 0 } },
    ];
    const moments = await listMoments(installed);
    for (const number of moments.keys()) {
      const system = await makeTestSystem(installed);
      await upgrade(system, only(number, 'power cut'));
      const where = JSON.stringify(moments[number]);
      const { starts, fails } = await forecast(system);
      expect(fails, where).toEqual([]);
      // The version that waited may be the one that starts.
      const expected = starts === makeTestVersion('1').rootHash ? ['something else starts'] : [];
      expect(await problems(system), where).toEqual(expected);
      await system.remove();
    }
  });
});

describe('the last good version', () => {
  it('stays through one bad version after the other, which take the same slot', async () => {
    const system = await makeTestSystem([{ version: '2', slot: 'a', tries: 'good' }]);
    for (const version of ['3', '4', '5']) {
      const next = makeTestVersion(version);
      const plan = planUpgrade(await system.facts(next), WISH);
      if (plan.kind !== 'write') throw new Error(plan.kind);
      expect(plan.slot).toBe('b');
      await runSteps(plan.steps, next, faultyPorts(system, next, never));
      expect((await forecast(system)).starts).toBe(next.rootHash);
      await (await openBootMenu(system.machine, system.esp)).markBad(plan.entry.generation as number);
      expect((await forecast(system)).starts).toBe(OLD.rootHash);
    }
    await system.remove();
  });

  it('is the recovery when all versions are bad', async () => {
    const system = await makeTestSystem([
      { version: '1', slot: 'recovery', tries: 'good' },
      { version: '2', slot: 'a', tries: BAD },
      { version: '3', slot: 'b', tries: BAD },
    ]);
    expect((await forecast(system)).starts).toBe(makeTestVersion('1').rootHash);
    await system.remove();
  });

  it('stays when what the disk gives back is another root', async () => {
    const system = await makeTestSystem(MACHINE);
    const plan = planUpgrade(await system.facts(NEXT), WISH);
    const ports = faultyPorts(system, { ...NEXT, root: NEXT.root.toReversed() }, never);
    await expect(runSteps(plan.kind === 'refused' ? [] : plan.steps, NEXT, ports)).rejects.toMatchObject({
      code: 'ROOT_HASH_MISMATCH',
    });
    expect(await problems(system)).toEqual([]);
    await system.remove();
  });
});

/** Moves steps of these kinds behind the first of another kind. */
function moveBehind(steps: readonly UpgradeStep[], moved: readonly StepKind[], behind: StepKind): UpgradeStep[] {
  const others = steps.filter(({ kind }) => !moved.includes(kind));
  const at = others.findIndex(({ kind }) => kind === behind) + 1;
  return [...others.slice(0, at), ...steps.filter(({ kind }) => moved.includes(kind)), ...others.slice(at)];
}
