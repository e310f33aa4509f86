import { describe, expect, it } from 'vitest';
import { addToTree } from '../compose/additions.ts';
import { emptyTree, type MergedTree } from '../compose/merged-tree.ts';
import { textFile } from './addition.ts';
import { runtimeAdditions } from './runtime-additions.ts';
import { fitBase, runtimeFiles, SUDOERS_FILE } from './runtime-files.ts';

const files = await runtimeFiles();
const paths = files.map(({ path }) => path);
const textOf = (path: string): string =>
  new TextDecoder().decode(files.find((file) => file.path === path)?.content ?? new Uint8Array());

function base(...names: string[]): MergedTree {
  const tree = emptyTree();
  addToTree(
    tree,
    names.map((name) => textFile(name, '')),
  );
  return tree;
}

describe('what runs the agent at its moments', () => {
  it('keeps scripts executable, whatever the checkout says', () => {
    const modes = new Map(files.map(({ path, mode }) => [path, mode]));
    for (const name of ['init', 'run-agent', 'stages', 'started', 'wait-for-network', 'watch'])
      expect(modes.get(`usr/lib/bowline/${name}`)).toBe(0o755);
    expect(modes.get('usr/lib/systemd/system/bowline-boot.service')).toBe(0o644);
  });

  it('hooks its units in below /usr, each to a unit that is there', () => {
    const links = files.filter(({ path }) => path.includes('.wants/'));
    expect(links.length).toBe(10);
    for (const { path, linkname } of links) {
      expect(paths).toContain(`usr/lib/systemd/system/${linkname?.replace('../', '')}`);
      expect(path).toMatch(/^usr\/lib\/systemd\/system\/[a-z-]+\.target\.wants\//);
    }
  });

  it('looks for passwords after the stage boot, outside of what comes before it: no cycle', () => {
    const unit = textOf('usr/lib/systemd/system/bowline-passwords.path');
    expect(unit).toMatch(/^After=bowline-boot\.service$/m);
    expect(unit).toMatch(/^DefaultDependencies=no$/m);
    expect(paths).toContain('usr/lib/systemd/system/multi-user.target.wants/bowline-passwords.path');
  });

  it('asks for no network: a machine without one would wait, and count as degraded', () => {
    expect(textOf('usr/lib/systemd/system/bowline-network.service')).not.toMatch(/^(?:Wants|Requires)=/m);
  });

  it.each(['fs', 'boot', 'network', 'reconcile'])('runs stage %s by systemd, with an end', (stage) => {
    const unit = textOf(`usr/lib/systemd/system/bowline-${stage}.service`);
    expect(unit).toContain(`ExecStart=/usr/lib/bowline/bowline-agent run-stage ${stage}\n`);
    expect(unit).toMatch(/^TimeoutStartSec=\d+min$/m);
  });

  it('looks whether a version is healthy when the start is over: nothing of it waits, and no answer is a failed unit', () => {
    const unit = textOf('usr/lib/systemd/system/bowline-assess.service');
    expect(unit).toMatch(/^Type=simple$/m);
    expect(unit).toMatch(/^After=bowline-network\.service$/m);
    expect(unit).toMatch(/^SuccessExitStatus=1$/m);
    expect(unit).not.toMatch(/^Before=/m);
    for (const name of ['usr/lib/bowline/stages', 'etc/init.d/bowline-assess']) {
      expect(textOf(name)).toMatch(/assess --decide\n[^}]*\}.* &$/m);
    }
  });

  it('serves the page of an installation on live systems only, after the configuration had its say', () => {
    const unit = textOf('usr/lib/systemd/system/bowline-install-web.service');
    expect(unit).toMatch(
      /^ConditionKernelCommandLine=\|bowline\.live\nConditionKernelCommandLine=\|bowline\.netboot$/m,
    );
    expect(unit).toMatch(/^After=bowline-network\.service bowline-install\.service$/m);
    for (const name of ['usr/lib/bowline/stages', 'etc/init.d/bowline-install-web']) {
      expect(textOf(name)).toMatch(/\*" bowline\.live="\* \| \*" bowline\.netboot "\*\)[^]*install-web/);
    }
  });

  it('leaves it to nobody else to call a version good', async () => {
    const all = await runtimeAdditions({ name: 'a', version: '1', arch: 'amd64' });
    const bless = all.find(({ path }) => path === 'etc/systemd/system/systemd-bless-boot.service');
    expect(bless?.linkname).toBe('/dev/null');
  });

  it('brings files of OpenRC to bases with it, and to no others', () => {
    const openRc = /^etc\/(?:init\.d|runlevels)\//;
    const fitted = (tree: MergedTree): string[] => fitBase(files, tree).map(({ path }) => path);
    expect(fitted(base('usr/sbin/init')).filter((path) => openRc.test(path))).toEqual([]);
    expect(fitted(base('sbin/openrc-run')).filter((path) => openRc.test(path)).length).toBe(14);
  });

  it("answers to the name of Kairos's agent, unless the base has it", () => {
    expect(fitBase(files, base()).some(({ path }) => path === 'usr/bin/kairos-agent')).toBe(true);
    expect(fitBase(files, base('usr/bin/kairos-agent')).some(({ path }) => path === 'usr/bin/kairos-agent')).toBe(
      false,
    );
  });

  it('makes members of admin administrators where there is sudo', async () => {
    const all = await runtimeAdditions({ name: 'a', version: '1', arch: 'amd64' });
    const sudoers = (tree: MergedTree) => fitBase(all, tree).filter(({ path }) => path === SUDOERS_FILE);
    expect(sudoers(base('etc/sudoers'))).toMatchObject([{ mode: 0o440, uid: 0 }]);
    expect(sudoers(base('usr/bin/su'))).toEqual([]);
  });
});
