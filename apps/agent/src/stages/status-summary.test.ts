import { describe, expect, it } from 'vitest';
import type { StageRecord } from './stage-record.ts';
import { summarizeRuns, summaryText } from './status-summary.ts';

const IMAGE = { id: 'sha256:1', name: 'edge', version: '1.0.0' };

function run(stage: string, more: Partial<StageRecord> = {}): StageRecord {
  const startedAt = '2026-01-02T03:04:05.678Z';
  const rest = { steps: [], warnings: [], config: [], notApplied: [], ...more };
  return { stage, startedAt, durationMs: 12, finished: true, ...rest };
}

function step(result: 'changed' | 'unchanged' | 'failed'): StageRecord['steps'][number] {
  const error =
    result === 'failed' ? { error: { code: 'STEP_FAILED', message: 'no such disk', hint: 'Plug it in.' } } : {};
  const action = { plugin: 'files', summary: 'write /a', result, durationMs: 1, ...error };
  return { stage: 'boot', file: '/oem/a.yaml', step: 'one', actions: [action] };
}

function text(...runs: StageRecord[]): string {
  return summaryText(IMAGE, summarizeRuns(runs));
}

describe('what status says', () => {
  it('says that all is as configured, and what each stage did', () => {
    const boot = run('boot', { startedAt: '2026-01-02T03:04:06.000Z', durationMs: 1200, steps: [step('changed')] });
    expect(text(run('initramfs'), boot)).toBe(
      [
        'image: edge 1.0.0 (sha256:1)',
        'result: as configured',
        '',
        'stages since the machine started:',
        '  initramfs  2026-01-02T03:04:05Z    12 ms  no steps',
        '  boot       2026-01-02T03:04:06Z  1200 ms  1 step: 1 changed',
      ].join('\n'),
    );
  });

  it('puts what failed first, with where it stands and what helps', () => {
    const lines = text(run('boot', { steps: [step('failed'), step('unchanged')], warnings: ['odd'] })).split('\n');
    expect(lines[1]).toBe('result: 1 failed, 1 warning');
    expect(lines).toContain('  boot  2026-01-02T03:04:05Z  12 ms  2 steps: 1 failed');
    expect(lines).toContain('  boot: /oem/a.yaml: step "one": write /a: no such disk (STEP_FAILED) Plug it in.');
  });

  it('counts only the last run of a stage', () => {
    const again = run('boot', { startedAt: '2026-01-02T03:05:00.000Z', steps: [step('unchanged')] });
    expect(text(run('boot', { steps: [step('failed')] }), again)).toMatch(
      /^result: as configured$.*1 step: nothing to change$/ms,
    );
  });

  it('tells a stage that did not end from one that did', () => {
    expect(text(run('boot', { finished: false }))).toMatch(
      /^result: a stage is running, or was stopped$.*did not end/ms,
    );
  });

  it('names configurations that cannot be used', () => {
    const trouble = { source: '/oem/a.yaml', reason: 'is empty', lastGood: '2026-01-01T00:00:00.000Z' };
    expect(text(run('boot', { config: [trouble] }))).toMatch(
      /^result: 1 configuration not usable$.*last good copy of/ms,
    );
  });

  it('names a stage of the start that was left out', () => {
    const start = ['rootfs', 'initramfs', 'fs', 'network'].map((stage) => run(stage));
    expect(text(...start)).toMatch(/^result: 1 warning$.*the stage boot did not run at this start/ms);
    expect(text(...start.slice(0, 3))).toMatch(/^result: as configured$/m);
    expect(text(run('network'))).toMatch(/^result: as configured$/m);
  });

  it('says that nothing ran', () => {
    expect(text()).toBe('image: edge 1.0.0 (sha256:1)\nresult: no stage ran since the machine started');
  });
});
