import { describe, expect, it } from 'vitest';
import { EVERY_KEY } from '../bowl/every-key.testdata.ts';
import { Bowl } from '../bowl/schema.ts';
import { lifecycleOfBowl, trialSeconds } from './from-bowl.ts';
import { formatLifecycle, parseLifecycle } from './schema.ts';

const HEAD = { apiVersion: 'bowline/v1', name: 'a', version: '1', base: { rootfs: 'r.tar' } };
const of = (more: Record<string, unknown> = {}) => lifecycleOfBowl(Bowl.parse({ ...HEAD, ...more }));

describe('the lifecycle document of a bowl', () => {
  it('of a plain bowl asks for a finished start without failed units, and for nothing a machine may lack', () => {
    expect(of()).toEqual({
      lifecycleVersion: 1,
      withinSeconds: 600,
      checks: [{ kind: 'boot-complete' }, { kind: 'no-failed-units', except: [] }],
      allowDowngrade: false,
      hooks: { beforeUpgrade: [], afterRollback: [] },
    });
  });

  it('holds every check there is, the cheap ones first, a line for the shell as its words', () => {
    expect(lifecycleOfBowl(Bowl.parse({ ...EVERY_KEY[0], checks: { ...CHECKS, bootComplete: true } }))).toEqual({
      lifecycleVersion: 1,
      withinSeconds: 1200,
      checks: [
        { kind: 'boot-complete' },
        { kind: 'no-failed-units', except: ['flaky.service'] },
        { kind: 'network' },
        { kind: 'ssh', port: 2222 },
        { kind: 'disk-space', path: '/var', freeBytes: 500 * 2 ** 20 },
        { kind: 'time' },
        { kind: 'unit', unit: 'nginx.service' },
        { kind: 'http', url: 'http://127.0.0.1/healthz', status: 204, timeoutSeconds: 5 },
        { kind: 'command', argv: ['/usr/bin/app', '--selftest'], timeoutSeconds: 60 },
        { kind: 'command', argv: ['/bin/sh', '-c', 'test -S /run/app.sock'], timeoutSeconds: 30 },
      ],
      allowDowngrade: true,
      source: 'registry.example.org/edge:stable',
      hooks: {
        beforeUpgrade: [
          { argv: ['/usr/bin/app', 'backup'], timeoutSeconds: 600 },
          { argv: ['/bin/sh', '-c', 'sync'], timeoutSeconds: 300 },
        ],
        afterRollback: [
          { argv: ['/bin/sh', '-c', 'app restore'], timeoutSeconds: 300 },
          { argv: ['/bin/true'], timeoutSeconds: 300 },
        ],
      },
    });
  });

  it('may ask for nothing at all', () => {
    expect(of({ checks: { bootComplete: false, noFailedUnits: false } }).checks).toEqual([]);
    expect(of({ checks: { ssh: true } }).checks).toContainEqual({ kind: 'ssh', port: 22 });
  });

  it.each(EVERY_KEY.map((bowl) => [bowl['name'], bowl] as const))(
    'of %s reads back as it was written',
    (_name, bowl) => {
      const document = lifecycleOfBowl(Bowl.parse(bowl));
      expect(parseLifecycle(formatLifecycle(document), 'lifecycle.json')).toEqual(document);
    },
  );

  it('gives a machine on trial five minutes more than its checks', () => {
    expect(trialSeconds(of())).toBe(900);
    expect(trialSeconds(of({ checks: { within: '90s' } }))).toBe(390);
  });
});

const CHECKS = EVERY_KEY[0]?.['checks'] as Record<string, unknown>;
