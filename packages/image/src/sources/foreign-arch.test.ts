import { describe, expect, it } from 'vitest';
import { hostArch, requireExecutable } from './foreign-arch.ts';

const registered = 'enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: OCF\noffset 0\nmagic 7f454c46\n';

describe('requireExecutable', () => {
  const attempt = (entry: string | undefined) =>
    requireExecutable('arm64', 'The Dockerfile', { arch: 'amd64', binfmt: async () => entry });

  it('lets the own architecture pass without asking', async () => {
    const binfmt = async () => {
      throw new Error('must not be asked');
    };
    await expect(requireExecutable('amd64', 'x', { arch: 'amd64', binfmt })).resolves.toBeUndefined();
  });

  it('accepts qemu-user with the F flag', async () => {
    await expect(attempt(registered)).resolves.toBeUndefined();
  });

  it.each([
    [undefined, 'is not registered'],
    [registered.replace('OCF', 'OC'), 'without the F flag'],
    [registered.replace('enabled', 'disabled'), 'is disabled'],
  ])('says in words why it cannot: %#', async (entry, reason) => {
    await expect(attempt(entry)).rejects.toMatchObject({
      code: 'FOREIGN_ARCH',
      message: expect.stringContaining(reason),
      hint: expect.stringContaining('qemu-user-static'),
    });
  });

  it("knows Node's names", () => {
    expect([hostArch('x64'), hostArch('arm64'), hostArch('riscv64')]).toEqual(['amd64', 'arm64', undefined]);
  });
});
