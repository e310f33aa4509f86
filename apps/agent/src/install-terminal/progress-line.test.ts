import { describe, expect, it } from 'vitest';
import type { InstallProgress } from '../install/plan.ts';
import { paintedProgress, plainProgress } from './progress-line.ts';

function at(done: number, more: Partial<InstallProgress> = {}): InstallProgress {
  const step = { name: 'root', title: 'Write the system', bytes: 1000 } as const;
  return {
    step,
    stepIndex: 2,
    doneBytes: done,
    totalDoneBytes: done,
    totalBytes: 1000,
    secondsLeft: undefined,
    ...more,
  };
}

/** What is written, and a clock that the test moves. */
function screen(columns?: number) {
  const written: string[] = [];
  return { written, write: (text: string) => written.push(text), ...(columns === undefined ? {} : { columns }) };
}

describe('a painted line', () => {
  it('is painted over itself, ten times a second at most, and always at the end', () => {
    let now = 0;
    const output = screen();
    const display = paintedProgress(output, () => now);
    for (let done = 0; done <= 1000; done += 10) {
      display.show(at(done));
      now += 10;
    }
    display.end();
    expect(output.written[0]).toBe(`\r[${'-'.repeat(24)}]   0 %  Write the system\x1b[K`);
    expect(output.written.at(-2)).toBe(`\r[${'#'.repeat(24)}] 100 %  Write the system\x1b[K`);
    expect(output.written.at(-1)).toBe('\n');
    expect(output.written.length).toBeLessThan(15);
  });

  it.each([
    [1, ', 1 s left'],
    [89, ', 89 s left'],
    [90, ', 2 min left'],
    [3000, ', 50 min left'],
    [0, ''],
    [undefined, ''],
  ])('with %s seconds left says "%s"', (secondsLeft, words) => {
    const output = screen();
    paintedProgress(output, () => 0).show(at(500, { secondsLeft }));
    expect(output.written).toEqual([`\r[${'#'.repeat(12)}${'-'.repeat(12)}]  50 %  Write the system${words}\x1b[K`]);
  });

  it('never reaches the last column', () => {
    const output = screen(40);
    paintedProgress(output, () => 0).show(at(1));
    expect(output.written[0]?.replace('\x1b[K', '').length).toBe(40);
  });

  it('ends nothing that never began', () => {
    const output = screen();
    paintedProgress(output, () => 0).end();
    expect(output.written).toEqual([]);
  });
});

describe('lines', () => {
  it('come with every step and every tenth, and are not repeated', () => {
    const output = screen();
    const display = plainProgress(output);
    for (let done = 0; done <= 1000; done += 5) display.show(at(done));
    display.show(at(1000, { stepIndex: 3, step: { name: 'verify', title: 'Read back', bytes: 0 } }));
    display.end();
    expect(output.written).toHaveLength(12);
    expect(output.written.slice(-2)).toEqual(['100 %  Write the system\n', '100 %  Read back\n']);
  });

  it('say nothing of what has no size', () => {
    const output = screen();
    plainProgress(output).show(at(0, { totalBytes: 0 }));
    expect(output.written).toEqual(['  0 %  Write the system\n']);
  });
});
