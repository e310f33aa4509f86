import { afterEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { readStageRecords, type StageRecord, writeStageRecord } from './stage-record.ts';

function run(stage: string, second: number): StageRecord {
  const startedAt = new Date(second * 1000).toISOString();
  return { stage, startedAt, durationMs: 1, finished: true, steps: [], warnings: [], config: [], notApplied: [] };
}

describe('the records of a machine', () => {
  let test: TestMachine | undefined;
  afterEach(() => test?.remove());

  it('still say what the start did when reconcile ran a hundred times', async () => {
    test = await makeTestMachine();
    const { machine } = test;
    for (const [second, stage] of ['rootfs', 'boot'].entries()) await writeStageRecord(machine, run(stage, second));
    for (let second = 10; second < 130; second += 1) await writeStageRecord(machine, run('reconcile', second));
    const { runs } = await readStageRecords(machine);
    expect(runs).toHaveLength(100);
    expect(runs.slice(0, 3)).toEqual([run('rootfs', 0), run('boot', 1), run('reconcile', 32)]);
    expect(runs.at(-1)).toEqual(run('reconcile', 129));
  });
});
