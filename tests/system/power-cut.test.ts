import { constants, copyFile, mkdtemp, open, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Alteration, alterProject } from './fixtures/lifecycle/altered-project.ts';
import { askAgent, bringUpNetwork, leave, untilAgent } from './fixtures/lifecycle/guest.ts';
import { withOwnDisk } from './fixtures/lifecycle/own-disk.ts';
import { type StaticServer, startStaticServer } from './fixtures/lifecycle/static-server.ts';
import { type BuiltVersion, buildTinyVersion } from './fixtures/lifecycle/tiny-version.ts';
import { BOOT_MS, type Skippable } from './fixtures/machine.ts';
import { type Examination, examine, replay } from './fixtures/power-cut/examine.ts';

const isAll = process.env['BOWLINE_TEST_ALL'] === '1';
const DISK_BYTES = 4 * 2 ** 30;
/** Machines that are started from a cut disk: with --all every turn and many points between, else a few. */
const SAMPLES = isAll ? 200 : 2;

/** The commit comes first, and what it promises is written afterwards. */
const REVERSED: readonly Alteration[] = [
  {
    file: 'apps/agent/src/upgrade/plan-upgrade.ts',
    from: `    ...writes,
    { kind: 'name-slot', slot },
    { kind: 'put-uki' },
    { kind: 'prepare-entry', entry },
    { kind: 'commit', entry },
`,
    to: `    { kind: 'prepare-entry', entry },
    { kind: 'commit', entry },
    { kind: 'put-uki' },
    { kind: 'name-slot', slot },
    ...writes,
`,
  },
];

let folder = '';
let one: BuiltVersion;
let two: BuiltVersion;
let server: StaticServer;
let examination: Examination | undefined;
const path = (name: string) => join(folder, name);
const rootHash = ({ manifest }: BuiltVersion) => manifest.roots.amd64?.rootHash ?? '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-power-'));
  one = await buildTinyVersion(folder, { version: '1', outputs: ['raw'] });
  two = await buildTinyVersion(folder, { version: '2', outputs: ['release'] });
  server = await startStaticServer(two.artefact('-release'));
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Starts version 1 for the first time, then lets it upgrade to version 2 while every write of its disk is recorded. */
async function recordUpgrade(ctx: Skippable, first: BuiltVersion): Promise<void> {
  for (const name of ['machine.raw', 'machine.raw.efivars', 'base.raw', 'writes.log'])
    await rm(path(name), { force: true });
  await copyFile(first.artefact('.raw'), path('machine.raw'), constants.COPYFILE_FICLONE);
  await truncate(path('machine.raw'), DISK_BYTES);
  await withOwnDisk(ctx, { disk: path('machine.raw') }, async (machine) => {
    await machine.waitFor(/tiny: started/, BOOT_MS);
    await untilAgent(machine, 'status', ({ verdict }) => verdict === 'healthy', BOOT_MS);
    await machine.ask('echo mine > /var/kept');
    await leave(machine, 'poweroff');
    await machine.exited;
  });
  await copyFile(path('machine.raw'), path('base.raw'), constants.COPYFILE_FICLONE);
  await (await open(path('writes.log'), 'w')).close();
  await withOwnDisk(ctx, { disk: path('machine.raw'), writeLogPath: path('writes.log') }, async (machine) => {
    await machine.waitFor(/tiny: started/, BOOT_MS);
    await bringUpNetwork(machine);
    await askAgent(machine, `upgrade --source ${server.guestUrl}`);
    await machine.ask('sync');
  });
}

describe('power that fails during an upgrade', () => {
  it('is recorded: a machine of version 1 upgrades to version 2, and every write and flush of its disk is kept', async (ctx) => {
    await recordUpgrade(ctx, one);
    examination = await examine(path('base.raw'), path('writes.log'));
    expect(examination.events.length).toBeGreaterThan(50);
  });

  it('leaves version 1 or version 2 to start, at every single point', (ctx) => {
    if (examination === undefined) return ctx.skip('there is no record');
    const { points, outcomes, losses, turns } = examination;
    const summary = { points, outcomes: Object.fromEntries(outcomes), turns: turns.map(({ events }) => events) };
    console.log(`power cuts: ${JSON.stringify(summary)}`);
    expect(losses.slice(0, 5)).toEqual([]);
    expect([...outcomes.keys()].toSorted()).toEqual([rootHash(one), rootHash(two)].toSorted());
    expect(turns.at(-1)?.forecast.rootHash).toBe(rootHash(two));
  });

  it('is no loss for a machine that is really started again', async (ctx) => {
    if (examination === undefined) return ctx.skip('there is no record');
    for (const count of samplePoints(examination)) {
      await copyFile(path('base.raw'), path('cut.raw'), constants.COPYFILE_FICLONE);
      await writeChanges(path('cut.raw'), examination, count);
      await withOwnDisk(ctx, { disk: path('cut.raw') }, async (machine) => {
        await machine.waitFor(/tiny: started/, BOOT_MS);
        const version = await machine.ask('cat /usr/lib/version-of-this-test');
        expect(['1', '2'], `after ${count} events`).toContain(version);
        expect(await machine.ask('cat /var/kept')).toBe('mine');
      });
    }
  });

  it('would be a loss if the boot entry came before the slot: such an agent is found out', async (ctx) => {
    if (!isAll) ctx.skip('only with --all: it builds another agent and records another upgrade');
    const project = await alterProject(path('project'), REVERSED);
    const wrong = await buildTinyVersion(folder, { version: '1.wrong', outputs: ['raw'], project });
    await recordUpgrade(ctx, wrong);
    const { losses, outcomes } = await examine(path('base.raw'), path('writes.log'));
    expect(losses.length, JSON.stringify([...outcomes])).toBeGreaterThan(0);
  });
});

/** The points right before and after the forecast turns, then points spread over the record. */
function samplePoints({ events, turns }: Examination): number[] {
  const last = turns.at(-1)?.events ?? events.length;
  const points = [last - 1, last];
  for (const turn of turns) points.push(turn.events - 1, turn.events);
  for (let index = 1; points.length < SAMPLES; index += 1) points.push(Math.floor((events.length * index) / SAMPLES));
  return [...new Set(points)].slice(0, SAMPLES);
}

async function writeChanges(disk: string, { events }: Examination, count: number): Promise<void> {
  const view = replay(path('base.raw'), path('writes.log'), events, count);
  const file = await open(disk, 'r+');
  try {
    for (const { offset, bytes } of view.changes()) await file.write(bytes, 0, bytes.length, offset);
  } finally {
    await file.close();
    view.close();
  }
}
