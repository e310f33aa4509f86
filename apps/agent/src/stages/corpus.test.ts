import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { loadMachineDocument, stageSequence } from '@bowline/spec';
import { describe, expect, it } from 'vitest';
import { makeTestMachine } from '../machine/test-machine.testdata.ts';
import { previewStage } from './run-stage.ts';
import { stagePlanText } from './stage-text.ts';

/** Configurations that users of Kairos have: its bundled files, examples and documentation. Not part of the project. */
const CORPUS = new URL('../../../../../shared/corpus/kairos/', import.meta.url);
const names = existsSync(CORPUS) ? readdirSync(CORPUS).filter((name) => name.endsWith('.yaml')) : [];
const FILE = '/oem/90_custom.yaml';

/** Stages of a file by the name they are run by, with the numbers of their steps. */
function stepCounts(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  const stages = loadMachineDocument({ path: FILE, text }).document?.stages ?? {};
  for (const [stage, steps] of Object.entries(stages)) {
    const run = stage.replace(/\.(?:before|after)$/, '');
    counts.set(run, (counts.get(run) ?? 0) + steps.length);
  }
  return counts;
}

describe('a dry run of configurations that exist', () => {
  it('has all of them', (ctx) => {
    if (names.length === 0) ctx.skip('the corpus of configurations is not beside the project');
    expect(names.length).toBeGreaterThanOrEqual(88);
  });

  it.each(names)('%s: shows every step of every stage, and changes nothing', async (name) => {
    const text = readFileSync(new URL(name, CORPUS), 'utf8');
    const offline = () => Promise.reject(new TypeError('no network in this test'));
    const test = await makeTestMachine({ files: { [FILE]: text }, host: { fetch: offline } });
    const listing = () => new Set(readdirSync(test.root, { recursive: true, encoding: 'utf8' }));
    try {
      const before = listing();
      for (const [stage, count] of stepCounts(text)) {
        const { plan } = await previewStage(stage, test.machine, { limits: { pauseMs: 1 } });
        expect(plan.steps.length).toBe(count);
        for (const step of plan.steps) {
          expect(stageSequence(stage)).toContain(step.stage);
          expect(step.skippedBecause === undefined || step.actions.length === 0).toBe(true);
          for (const { summary } of step.actions) expect(stagePlanText(plan)).toContain(summary);
        }
        expect(stagePlanText(plan)).toContain(FILE);
      }
      expect(listing()).toEqual(before);
    } finally {
      await test.remove();
    }
  });
});
