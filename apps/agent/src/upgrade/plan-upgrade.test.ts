import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { throwRefusals } from './check-upgrade.ts';
import { compareVersions } from './compare-versions.ts';
import { planUpgrade } from './plan-upgrade.ts';
import type { EntryFact, NewVersion, SlotFact, UpgradeFacts, UpgradeWish } from './upgrade-facts.ts';

const MIB = 2 ** 20;
const NEXT: NewVersion = {
  name: 'edge',
  version: '3',
  imageId: 'sha256:image-next',
  arch: 'amd64',
  debug: false,
  layoutVersion: 1,
  rootHash: 'next',
  rootBytes: 100 * MIB,
  hashBytes: MIB,
  ukiDigest: 'sha256:uki-next',
  ukiBytes: 50 * MIB,
};
const entry = (generation: number | 'recovery', rootHash: string, tries: EntryFact['tries'] = 'good'): EntryFact => ({
  generation,
  title: rootHash,
  ukiDigest: `sha256:uki-${rootHash}`,
  tries,
  rootHash,
  ukiBytes: 40 * MIB,
});
const BAD = { left: 0, done: 3 };
const TRIAL = { left: 3, done: 0 };
const slot = (name: SlotFact['name'], rootHash: string): SlotFact => ({
  name,
  rootHash,
  dataBytes: 512 * MIB,
  hashBytes: 8 * MIB,
  holdsNew: rootHash === NEXT.rootHash,
});
const WISH: UpgradeWish = { recovery: false, force: false, allowDowngrade: false };

/** A machine that runs version 2, in slot A, and has version 1 in slot B; `change` is what is different. */
const machine = (change: Partial<UpgradeFacts> = {}): UpgradeFacts => ({
  next: NEXT,
  running: { name: 'edge', version: '2', imageId: 'sha256:image-a', debug: false, slot: 'a' },
  trial: false,
  arch: 'amd64',
  layoutVersion: 1,
  slots: [slot('a', 'a'), slot('b', 'b'), slot('recovery', 'r')],
  entries: [entry(2, 'a'), entry(1, 'b')],
  lastGeneration: 2,
  bad: undefined,
  espFreeBytes: 500 * MIB,
  stateFreeBytes: 500 * MIB,
  ...change,
});
const running = (change: Partial<UpgradeFacts['running']>) => ({ ...machine().running, ...change });
const kinds = (facts: UpgradeFacts, wish: Partial<UpgradeWish> = {}) => {
  const plan = planUpgrade(facts, { ...WISH, ...wish });
  return plan.kind === 'refused' ? plan.refusals.map(({ code }) => code) : plan.steps.map(({ kind }) => kind);
};
const target = (facts: UpgradeFacts, wish: Partial<UpgradeWish> = {}) => {
  const plan = planUpgrade(facts, { ...WISH, ...wish });
  return plan.kind === 'write' ? plan.slot : plan.kind;
};

describe('the steps of an upgrade', () => {
  it('make the version count last, after everything it needs', () => {
    expect(kinds(machine())).toEqual([
      'before-hooks',
      'note',
      'remove-entry',
      'drop-ukis',
      'write-root',
      'verify',
      'name-slot',
      'put-uki',
      'prepare-entry',
      'commit',
      'remember',
      'after-hooks',
    ]);
    const plan = planUpgrade(machine(), WISH);
    expect(plan).toMatchObject({ entry: { generation: 3, title: 'edge 3', tries: { left: 3, done: 0 } } });
    expect(plan.kind === 'write' && plan.steps[2]).toEqual({ kind: 'remove-entry', generation: 1 });
  });

  it('note nothing first on a machine whose state is full, so that it can be cured', () => {
    expect(kinds(machine({ stateFreeBytes: 0 }), { force: true })).not.toContain('note');
  });

  it('write no slot when the root lies in one already, and keep the entries of a slot that is needed', () => {
    const facts = machine({
      next: { ...NEXT, rootHash: 'a' },
      slots: [{ ...slot('a', 'a'), holdsNew: true }, slot('b', 'b')],
    });
    expect(target(facts)).toBe('a');
    const steps = kinds(facts);
    expect(steps).not.toContain('write-root');
    expect(steps).not.toContain('remove-entry');
  });

  it('give generations that were never given before, also when their entries are gone', () => {
    const plan = planUpgrade(machine({ lastGeneration: 9 }), WISH);
    expect(plan).toMatchObject({ entry: { generation: 10 } });
  });

  it('write the recovery system to its own slot, uncounted', () => {
    const facts = machine({ entries: [entry(2, 'a'), entry(1, 'b'), entry('recovery', 'r')] });
    const plan = planUpgrade(facts, { ...WISH, recovery: true });
    expect(plan).toMatchObject({
      slot: 'recovery',
      entry: { generation: 'recovery', profile: 2, tries: 'good', title: 'Recovery (edge 3)' },
    });
    expect(plan.kind === 'write' && plan.steps.filter(({ kind }) => kind === 'remove-entry')).toEqual([
      { kind: 'remove-entry', generation: 'recovery' },
    ]);
  });
});

describe('which slot is written', () => {
  it.each<[string, UpgradeFacts, string]>([
    ['A runs: B', machine(), 'b'],
    ['B runs: A', machine({ running: running({ slot: 'b' }), entries: [entry(2, 'b'), entry(1, 'a')] }), 'a'],
    ['A runs, B is bad: B again, never A', machine({ entries: [entry(1, 'a'), entry(2, 'b', BAD)] }), 'b'],
    ['A runs, B waits for its first start: B', machine({ entries: [entry(2, 'b', TRIAL), entry(1, 'a')] }), 'b'],
    ['A runs and B was never written: B', machine({ entries: [entry(1, 'a')] }), 'b'],
    [
      'the recovery runs, A good, B bad: B',
      machine({ running: running({ slot: 'recovery' }), entries: [entry(1, 'a'), entry(2, 'b', BAD)] }),
      'b',
    ],
    [
      'the recovery runs, both bad: the older one',
      machine({ running: running({ slot: 'recovery' }), entries: [entry(3, 'a', BAD), entry(2, 'b', BAD)] }),
      'b',
    ],
    [
      'the recovery runs, both bad: the older one (A)',
      machine({ running: running({ slot: 'recovery' }), entries: [entry(3, 'b', BAD), entry(2, 'a', BAD)] }),
      'a',
    ],
    ['A runs though B is newer and good: neither', machine({ entries: [entry(2, 'b'), entry(1, 'a')] }), 'refused'],
    [
      'a good entry without a slot protects nothing, and goes',
      machine({ entries: [entry(5, 'gone'), entry(1, 'a')] }),
      'b',
    ],
  ])('%s', (_title, facts, expected) => {
    expect(target(facts)).toBe(expected);
  });

  it('never is the one that runs, nor that of the newest good version, whatever the machine is like', () => {
    const hash = fc.constantFrom('a', 'b', 'r', 'gone');
    const tries = fc.constantFrom<EntryFact['tries']>('good', BAD, TRIAL, { left: 1, done: 2 });
    const entries = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 9 }), hash, tries), { selector: ([one]) => one });
    const where = fc.constantFrom(undefined, 'a', 'b', 'recovery' as const);
    fc.assert(
      fc.property(entries, where, fc.boolean(), (list, slotName, recovery) => {
        const facts = machine({
          entries: list.map((one) => entry(...one)),
          running: running({ slot: slotName as 'a' }),
        });
        const plan = planUpgrade(facts, { recovery, force: true, allowDowngrade: true });
        if (plan.kind !== 'write') return;
        expect(plan.slot).not.toBe(slotName);
        const good = facts.entries
          .filter((one) => one.tries === 'good' && ['a', 'b'].includes(one.rootHash ?? ''))
          .toSorted((one, other) => Number(other.generation) - Number(one.generation))[0];
        expect(plan.slot).not.toBe(good?.rootHash);
        const removed = plan.steps.flatMap((step) => (step.kind === 'remove-entry' ? [step.generation] : []));
        expect(removed).not.toContain(good?.generation);
        expect(plan.slot === 'recovery').toBe(recovery);
      }),
    );
  });
});

describe('what speaks against an upgrade', () => {
  const bad = {
    imageId: NEXT.imageId,
    name: 'edge',
    version: '3',
    reason: 'The check http failed.',
    at: '2026-01-01T',
  };
  it.each<[string, Partial<UpgradeFacts>, Partial<UpgradeWish>, string[]]>([
    ['another architecture', { arch: 'arm64' }, {}, ['RELEASE_UNFIT']],
    ['a later layout', { layoutVersion: 0 }, {}, ['RELEASE_UNFIT']],
    ['a debug image on a machine that runs none', { next: { ...NEXT, debug: true } }, {}, ['RELEASE_UNFIT']],
    ['a version on trial', { trial: true }, {}, ['VERSION_UNPROVEN']],
    ['a version on trial, forced', { trial: true }, { force: true }, ['VERSION_UNPROVEN']],
    ['a version that failed', { bad }, {}, ['VERSION_BAD']],
    ['an older version', { next: { ...NEXT, version: '1.9' } }, {}, ['DOWNGRADE_REFUSED']],
    ['a root that does not fit', { next: { ...NEXT, rootBytes: 513 * MIB } }, {}, ['SLOT_TOO_SMALL']],
    ['an ESP without room', { espFreeBytes: 0, next: { ...NEXT, ukiBytes: 60 * MIB } }, {}, ['NO_SPACE']],
    ['state without room', { stateFreeBytes: MIB }, {}, ['NO_SPACE']],
    ['no slot B', { slots: [slot('a', 'a')] }, {}, ['NO_SYSTEM_DISK']],
    ['no recovery slot', { slots: [slot('a', 'a')] }, { recovery: true }, ['NO_SYSTEM_DISK']],
    [
      'the recovery, while it runs',
      { running: running({ slot: 'recovery' }) },
      { recovery: true },
      ['VERSION_UNPROVEN'],
    ],
    [
      'much at once',
      { arch: 'arm64', bad, stateFreeBytes: 0, next: { ...NEXT, version: '1' } },
      {},
      ['RELEASE_UNFIT', 'VERSION_BAD', 'DOWNGRADE_REFUSED', 'NO_SPACE'],
    ],
  ])('%s', (_title, change, wish, codes) => {
    expect(kinds(machine(change), wish)).toEqual(codes);
  });

  it.each<[string, Partial<UpgradeFacts>, Partial<UpgradeWish>]>([
    ['a version that failed, forced', { bad }, { force: true }],
    ['an older version, allowed', { next: { ...NEXT, version: '1' } }, { allowDowngrade: true }],
    ['an older number of another bowl', { next: { ...NEXT, version: '1', name: 'other' } }, {}],
    ['a debug image on a debug machine', { next: { ...NEXT, debug: true }, running: running({ debug: true }) }, {}],
    ['state without room, forced', { stateFreeBytes: 0 }, { force: true }],
    ['an ESP that has room once the old UKI is gone', { espFreeBytes: 12 * MIB }, {}],
  ])('does not: %s', (_title, change, wish) => {
    expect(kinds(machine(change), wish)).toContain('commit');
  });

  it('is said in one message, with what to do', () => {
    const facts = machine({ arch: 'arm64', bad });
    const plan = planUpgrade(facts, WISH);
    const refusals = plan.kind === 'refused' ? plan.refusals : [];
    expect(() => throwRefusals(facts, refusals)).toThrow(
      /edge 3 is not taken, for 2 reasons: \(1\) .*amd64.*\(2\) .*check http/,
    );
  });
});

describe('nothing is to be done', () => {
  it('when the version runs', () => {
    const facts = machine({ next: { ...NEXT, imageId: 'sha256:image-a' } });
    expect(planUpgrade(facts, WISH)).toEqual({ kind: 'nothing', reason: 'runs', steps: [] });
  });

  it('but not when it runs as the recovery: a slot is to be made whole with it', () => {
    const next = { ...NEXT, imageId: 'sha256:image-a' };
    const entries = [entry(3, 'a', BAD), entry(2, 'b', BAD), entry('recovery', 'r')];
    expect(target(machine({ next, entries, running: running({ slot: 'recovery' }) }))).toBe('b');
  });

  it('but to note it, when a run that was cut off has made it count', () => {
    const slots = [slot('a', 'a'), slot('b', 'next')];
    const facts = machine({ slots, entries: [entry(3, 'next', TRIAL), entry(2, 'a')] });
    expect(planUpgrade(facts, WISH)).toMatchObject({
      kind: 'nothing',
      reason: 'written',
      steps: [{ kind: 'remember', version: { generation: 3, slot: 'b', verdict: 'trial' } }],
    });
  });
});

describe('versions', () => {
  it.each([
    ['1.2', '1.10'],
    ['1.2', '1.2.1'],
    ['1.2-rc1', '1.2'],
    ['1.2-rc1', '1.2-rc2'],
    ['1.2-alpha', '1.2-beta'],
    ['2026.11', '2026.11-2'],
    ['v1.9', '2'],
    ['1.2.x', '1.2.3'],
  ])('%s is older than %s', (a, b) => {
    expect(compareVersions(a, b)).toBeLessThan(0);
    expect(compareVersions(b, a)).toBeGreaterThan(0);
  });

  it.each([
    ['1.2', '1.2.0'],
    ['v1.2', '1.2+build7'],
    ['same', 'SAME'],
  ])('%s is neither older nor newer than %s', (a, b) => {
    expect(compareVersions(a, b)).toBe(0);
  });

  it('have one order', () => {
    const part = fc.constantFrom('0', '1', '2', '10', 'a', 'rc', '-', '.', '1.2');
    const version = fc.array(part, { maxLength: 5 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(compareVersions(a, b) + compareVersions(b, a)).toBe(0);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) {
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
        }
      }),
    );
  });
});
