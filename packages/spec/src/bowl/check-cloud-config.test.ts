import { describe, expect, it } from 'vitest';
import { formatProblem } from '../problem.ts';
import { loadBowl } from './load.ts';

const HEAD = 'apiVersion: bowline/v1\nname: edge\nversion: 1.0.0\nbase: {image: docker.io/library/debian:13}\n';

async function check(rest: string, files: Record<string, string> = {}) {
  const result = await loadBowl(
    { path: 'bowl.yaml', text: HEAD + rest },
    async (path) => ({ path, text: files[path] ?? '' }),
    { readCloudConfig: async (path) => (files[path] === undefined ? undefined : { path, text: files[path] }) },
  );
  return { ok: result.ok, messages: (result.ok ? result.warnings : result.problems).map(formatProblem) };
}

describe('the cloud-config of a bowl', () => {
  it('is checked where it stands: lines and columns are those of the bowl', async () => {
    const { ok, messages } = await check(
      'cloudConfig:\n  inline: |\n    #cloud-config\n    runkmd: [a]\n\n    hostnam: b\n',
    );
    expect(ok).toBe(true);
    expect(messages).toEqual([
      'bowl.yaml:8:5  warning: unknown key "runkmd"; it has no effect (did you mean "runcmd"?)',
      'bowl.yaml:10:5  warning: unknown key "hostnam"; it has no effect (did you mean "hostname"?)',
    ]);
  });

  it('is named by its key where its lines do not stand in the bowl as they are', async () => {
    const { messages } = await check('cloudConfig: {inline: "#cloud-config\\nrunkmd: [x]\\n"}\n');
    expect(messages).toEqual([
      'bowl.yaml (cloudConfig.inline):2:1  warning: unknown key "runkmd"; it has no effect (did you mean "runcmd"?)',
    ]);
  });

  it('is placed in the bowl that wrote it', async () => {
    const parent = `${HEAD}cloudConfig:\n  inline: |\n    #cloud-config\n    runkmd: [x]\n`;
    const { messages } = await check('extends: parent.yaml\n', { 'parent.yaml': parent });
    expect(messages).toEqual([
      'parent.yaml:8:5  warning: unknown key "runkmd"; it has no effect (did you mean "runcmd"?)',
    ]);
  });

  it('may be a file, whose problems name it', async () => {
    const files = { 'cloud.yaml': '#cloud-config\nrunkmd: [x]\n' };
    const { ok, messages } = await check('cloudConfig: {file: cloud.yaml}\n', files);
    expect(ok).toBe(true);
    expect(messages).toEqual([
      'cloud.yaml:2:1  warning: unknown key "runkmd"; it has no effect (did you mean "runcmd"?)',
    ]);
  });

  it('is left to the build when its file is missing', async () => {
    expect(await check('cloudConfig: {file: none.yaml}\n')).toEqual({ ok: true, messages: [] });
  });

  it.each([
    ['no map', '- a', 'a configuration is a map of keys, not a list'],
    ['broken in part', 'hostname: a\nstages: {\n', 'the block stages cannot be read and is left out'],
    ['a key twice', 'hostname: a\nhostname: b\n', '"hostname" is given twice, first in line 2'],
  ])('stops the build when it cannot be read as a whole: %s', async (_name, text, message) => {
    const { ok, messages } = await check('cloudConfig: {file: cloud.yaml}\n', {
      'cloud.yaml': `#cloud-config\n${text}`,
    });
    expect(ok).toBe(false);
    expect(messages.join('\n')).toContain(message);
    expect(messages.join('\n')).not.toContain('warning');
  });

  it('is never quoted where it may be secret', async () => {
    const { messages } = await check(
      'cloudConfig:\n  inline: |\n    #cloud-config\n    users: [{name: a, passwd: [hunter2]}]\n',
    );
    expect(messages).toHaveLength(1);
    expect(messages.join()).not.toContain('hunter2');
  });
});
