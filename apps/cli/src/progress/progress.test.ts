import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { linesProgress } from './lines.ts';
import { silentProgress } from './silent.ts';
import { describeTask, type TaskState } from './task-state.ts';
import { treeProgress } from './tree.ts';

/** A clock that goes on by a second whenever it is looked at. */
function tickingClock(): () => number {
  let now = 0;
  return () => (now += 1000);
}

describe('linesProgress', () => {
  it('tells when tasks begin and end, without control characters', async () => {
    let text = '';
    const view = linesProgress((part) => (text += part), tickingClock());
    await view.task('Build', async (task) => {
      await task.task('Fetch', async (inner) => inner.bytes(3 * 2 ** 20, 3 * 2 ** 20));
      task.note('cached');
    });
    view.close();
    expect(text.split('\n')).toEqual([
      'Build ...',
      'Build > Fetch ...',
      'Build > Fetch: done (3.0 MiB, 1.0 s)',
      'Build: done (4.0 s, cached)',
      '',
    ]);
  });

  it('marks a failed task and passes its error on', async () => {
    let text = '';
    const view = linesProgress((part) => (text += part), tickingClock());
    await expect(view.task('Build', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(text).toContain('Build: failed');
  });
});

describe('warnings', () => {
  it('come once, at the end', async () => {
    for (const make of [linesProgress, silentProgress] as const) {
      let text = '';
      const view = make((part) => (text += part), tickingClock());
      view.warn('slot is nearly full');
      await view.task('x', async (task) => task.warn('slot is nearly full'));
      expect(text).not.toContain('warning');
      view.close();
      view.close();
      expect(text.match(/warning: slot is nearly full/g)).toHaveLength(1);
    }
  });
});

describe('describeTask', () => {
  const task: TaskState = {
    title: 'Fetch',
    parent: undefined,
    children: [],
    status: 'running',
    startedMs: 0,
    endedMs: undefined,
    doneBytes: 25 * 2 ** 20,
    totalBytes: 100 * 2 ** 20,
    note: '',
  };

  it('estimates the rest from the speed so far', () => {
    expect(describeTask(task, 10_000)).toBe('25.0 MiB of 100 MiB, 10 s, about 30 s left');
  });

  it('does not guess without a total or at the very beginning', () => {
    expect(describeTask({ ...task, totalBytes: undefined }, 10_000)).toBe('25.0 MiB, 10 s');
    expect(describeTask(task, 500)).toBe('25.0 MiB of 100 MiB, 0.5 s');
  });
});

describe('treeProgress', () => {
  /** A terminal that keeps lines and obeys the few sequences the tree uses. */
  function fakeTerminal(columns: number) {
    const lines: string[] = [''];
    let raw = '';
    const write = (text: string) => {
      raw += text;
      for (const part of text.split(/(\x1b\[[0-9]+A\r\x1b\[0J|\n)/)) {
        const up = /^\x1b\[([0-9]+)A/.exec(part)?.[1];
        if (up !== undefined) lines.splice(lines.length - 1 - Number(up), Number(up) + 1, '');
        else if (part === '\n') lines.push('');
        else lines[lines.length - 1] += stripVTControlCharacters(part);
      }
    };
    return { lines, write, raw: () => raw, size: () => ({ columns, rows: 24 }), colours: false };
  }

  it('leaves one line per finished top-level task and the cursor as it was', async () => {
    const terminal = fakeTerminal(80);
    const view = treeProgress(terminal, () => performance.now());
    await view.task('Build', async (task) => {
      await task.task('Fetch', async () => new Promise((resolve) => setTimeout(resolve, 300)));
      expect(terminal.lines.join('\n')).toMatch(/⠋|⠙|⠹/);
    });
    view.close();
    expect(terminal.lines.filter(Boolean)).toEqual([expect.stringMatching(/^✔ Build {2}0\.\d s$/)]);
    expect(terminal.raw().split('\x1b[?25l')).toHaveLength(2);
    expect(terminal.raw().split('\x1b[?25h')).toHaveLength(2);
  });

  it('shows where a task failed', async () => {
    const terminal = fakeTerminal(80);
    const view = treeProgress(terminal, () => performance.now());
    const failing = view.task('Build', async (task) => {
      await task.task('Fetch', async () => undefined);
      await task.task('Seal', () => Promise.reject(new Error('no')));
    });
    await expect(failing).rejects.toThrow('no');
    view.close();
    expect(terminal.lines.filter(Boolean)).toEqual([
      expect.stringMatching(/^✖ Build/),
      expect.stringMatching(/^ {2}✖ Seal/),
    ]);
  });

  it('never writes a line wider than the terminal', async () => {
    const terminal = fakeTerminal(30);
    const view = treeProgress(terminal, () => performance.now());
    await view.task('A title that is much too long for this terminal', async (task) => {
      task.note('and a note');
      await new Promise((resolve) => setTimeout(resolve, 300));
      for (const line of terminal.lines) expect(line.length).toBeLessThan(30);
    });
    view.close();
  });
});
