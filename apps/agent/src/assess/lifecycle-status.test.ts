import { afterEach, describe, expect, it } from 'vitest';
import type { LifecycleRecord, VersionRecord } from '../lifecycle-record/record.ts';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { summarizeRuns, summaryText } from '../stages/status-summary.ts';
import type { Assessment, CheckNote } from './assessment.ts';
import { type LifecycleStatus, readLifecycleStatus } from './lifecycle-status.ts';
import { lifecycleHeadline, lifecycleSections } from './lifecycle-status-text.ts';

const AT = '2026-01-02T03:04:05.678Z';
const FAILED: CheckNote = { title: 'ssh on port 22', state: 'failed', reason: 'nothing listens on port 22' };
const GOOD: CheckNote = { title: 'boot-complete', state: 'passed', reason: '' };
const NO_TROUBLE = { failed: [], config: [] };

let test: TestMachine;
afterEach(() => test.remove());

function assessmentOf(...checks: CheckNote[]): Assessment {
  const healthy = checks.every(({ state }) => state !== 'failed');
  const rest = { at: AT, durationMs: 5, rounds: 1, onTrial: false, result: 'noted', notes: [] } as const;
  return { assessmentVersion: 1, healthy, checks, ...rest, notes: [] };
}
const versionOf = (generation: number, more: Partial<VersionRecord>): VersionRecord => ({
  generation,
  name: 'edge',
  version: `1.${generation}`,
  imageId: 'sha256:1',
  ukiDigest: '',
  rootHash: '',
  slot: generation % 2 === 0 ? 'b' : 'a',
  verdict: 'blessed',
  at: AT,
  ...more,
});

/** A machine as the initrd, the assessment and the record left it. */
async function statusOf(
  conf: string,
  left: { assessment?: Assessment; versions?: VersionRecord[]; blessed?: boolean; files?: Record<string, string> } = {},
  configuration: Parameters<typeof readLifecycleStatus>[1] = NO_TROUBLE,
): Promise<LifecycleStatus & { warnings: string[] }> {
  const record: LifecycleRecord = { recordVersion: 1, versions: left.versions ?? [], badImages: [] };
  test = await makeTestMachine({
    files: {
      ...(conf === '' ? {} : { '/run/bowline/boot.conf': conf }),
      ...(left.assessment === undefined ? {} : { '/run/bowline/assessment.json': JSON.stringify(left.assessment) }),
      ...(left.blessed === true ? { '/run/bowline/blessed': '' } : {}),
      '/var/lib/bowline/lifecycle.json': JSON.stringify(record),
      ...left.files,
    },
  });
  return readLifecycleStatus(test.machine, configuration);
}
const DISK = 'ENTRY=bowline-7\nFIRMWARE=uefi\nMODE=disk\nTRIAL=no\n';
const TRIAL = DISK.replace('TRIAL=no', 'TRIAL=yes');

describe('the verdict of status', () => {
  it.each([
    ['nothing is known', '', {}, 'unknown', /^$/],
    ['the machine has just started', DISK, {}, 'assessing', /^not assessed yet/],
    ['all is well', DISK, { assessment: assessmentOf(GOOD) }, 'healthy', /^healthy/],
    [
      'a check fails',
      DISK,
      { assessment: assessmentOf(GOOD, FAILED) },
      'degraded',
      /^degraded: nothing listens on port 22$/,
    ],
    ['it is on trial', TRIAL, {}, 'trial', /^on trial: this version has yet to prove itself$/],
    [
      'it is on trial and fails',
      TRIAL,
      { assessment: assessmentOf(FAILED) },
      'trial',
      /; the last look found: nothing/,
    ],
    ['it has passed its trial', TRIAL, { assessment: assessmentOf(GOOD), blessed: true }, 'healthy', /^healthy/],
    ['the recovery runs', 'ENTRY=bowline-7\nMODE=recovery\nTRIAL=no', {}, 'recovery', /^recovery/],
    ['a medium runs', 'MODE=live', { assessment: assessmentOf(FAILED) }, 'live', /^live/],
    ['the network runs it', 'MODE=netboot', {}, 'live', /^live/],
  ] as const)('when %s', async (_what, conf, left, verdict, headline) => {
    const status = await statusOf(conf, left);
    expect(status.verdict).toBe(verdict);
    expect(lifecycleHeadline(status)).toMatch(headline);
  });

  it('is not healthy when a step of the configuration failed', async () => {
    const status = await statusOf(DISK, { assessment: assessmentOf(GOOD) }, { failed: [{}], config: [] });
    expect(lifecycleHeadline(status)).toBe('degraded: the configuration is not applied in full');
  });

  it('is not led astray by damaged files', async () => {
    const files = { '/run/bowline/assessment.json': '{"assessmentVer', '/var/lib/bowline/lifecycle.json': '\0\0' };
    const status = await statusOf(DISK, { files });
    expect(status).toMatchObject({ verdict: 'assessing', versions: [], assessment: undefined });
    expect(status.warnings).toEqual([expect.stringContaining('lifecycle.json cannot be used')]);
  });
});

describe('the versions in status', () => {
  it('are those of this machine, with what became of them and why', async () => {
    const versions = [
      versionOf(6, { verdict: 'bad', reason: 'it was too slow' }),
      versionOf(7, {}),
      versionOf(8, { verdict: 'trial' }),
    ];
    const status = await statusOf(DISK, { versions, assessment: assessmentOf(GOOD, FAILED) });
    expect(status.versions.map(({ now }) => now)).toEqual(['', 'running', 'next']);
    expect(status.boot).toEqual({ entry: 'bowline-7', firmware: 'uefi', mode: 'disk', slot: 'a', onTrial: false });
    const image = { id: 'sha256:1', name: 'edge', version: '1.7' };
    const extras = { headline: lifecycleHeadline(status), sections: lifecycleSections(status) };
    expect(summaryText(image, summarizeRuns([]), extras)).toBe(
      [
        'degraded: nothing listens on port 22',
        'image: edge 1.7 (sha256:1)',
        'result: no stage ran since the machine started',
        '',
        'checks, at 2026-01-02T03:04:05Z:',
        '  passed   boot-complete',
        '  failed   ssh on port 22: nothing listens on port 22',
        '',
        'versions:',
        '  6  edge 1.6  slot B  bad: it was too slow',
        '  7  edge 1.7  slot A  good, runs',
        '  8  edge 1.8  slot B  starts next',
      ].join('\n'),
    );
  });

  it('has no next one when the newest was given up', async () => {
    const status = await statusOf(DISK, {
      versions: [versionOf(7, {}), versionOf(8, { verdict: 'bad', reason: 'x' })],
    });
    expect(status.versions.map(({ now }) => now)).toEqual(['running', '']);
  });
});
