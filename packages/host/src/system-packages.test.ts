import { describe, expect, it } from 'vitest';
import { FakeProcesses } from './fake-processes.ts';
import type { Host } from './host.ts';
import type { Progress, TaskProgress } from './progress.ts';
import { ensureSystemPackages, missingNeeds, type SystemNeed } from './system-packages.ts';

const PRESENT: SystemNeed = { title: 'a shell', anyOf: ['no-such-shell', 'sh'], debianPackages: ['dash'] };
const ABSENT: SystemNeed = { title: 'firmware', anyOf: ['/nowhere/OVMF.fd'], debianPackages: ['ovmf', 'qemu-efi'] };

function hostWith(processes: FakeProcesses): Host {
  return { processes, clock: { now: () => new Date(0) }, fetch, env: {}, isRoot: false };
}

function recorder(titles: string[]): Progress {
  const task = { bytes: () => undefined, note: () => undefined, warn: () => undefined } as unknown as TaskProgress;
  return {
    task: (title, work) => {
      titles.push(title);
      return work(task);
    },
    warn: () => undefined,
  };
}

describe('system packages', () => {
  it('are missing only when none of the alternatives is there', async () => {
    expect(await missingNeeds([PRESENT, ABSENT])).toEqual([ABSENT]);
  });

  it('cost no process when everything is there', async () => {
    const processes = new FakeProcesses({});
    await ensureSystemPackages(hostWith(processes), [PRESENT], recorder([]));
    expect(processes.runs).toEqual([]);
  });

  it('are named with the exact command where nobody may install them', async () => {
    const processes = new FakeProcesses({ sudo: () => ({ exitCode: 1, stderr: 'a password is required' }) });
    await expect(ensureSystemPackages(hostWith(processes), [ABSENT], recorder([]))).rejects.toMatchObject({
      code: 'SYSTEM_PACKAGES_MISSING',
      message: 'this machine lacks: firmware',
      hint: expect.stringContaining('apt-get install --no-install-recommends ovmf qemu-efi'),
    });
  });

  it('are announced before they are installed, and looked for afterwards', async (ctx) => {
    if ((await missingNeeds([{ ...ABSENT, anyOf: ['apt-get'] }])).length > 0) ctx.skip('this machine has no apt-get');
    const processes = new FakeProcesses({ sudo: () => ({}) });
    const titles: string[] = [];
    await expect(ensureSystemPackages(hostWith(processes), [ABSENT], recorder(titles))).rejects.toMatchObject({
      code: 'SYSTEM_PACKAGES_MISSING',
    });
    expect(titles).toEqual(['Installing with apt-get: ovmf qemu-efi']);
    expect(processes.runs.at(-1)).toEqual(
      expect.arrayContaining(['sudo', '-n', 'apt-get', 'install', '--no-install-recommends', 'ovmf', 'qemu-efi']),
    );
  });
});
