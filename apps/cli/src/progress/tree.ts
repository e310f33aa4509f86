import { stripVTControlCharacters, styleText } from 'node:util';
import { describeTask, type ProgressView, type TaskState, trackTasks } from './task-state.ts';

const FRAME_MS = 120;
const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';

/** A terminal as the tree needs it. */
export interface TreeTerminal {
  write: (text: string) => void;
  /** Asked at every frame: windows change their size. */
  size: () => { columns: number; rows: number };
  colours: boolean;
}

/** A live tree of tasks that is drawn over itself. Finished top-level tasks stay on the screen above it. */
export function treeProgress(terminal: TreeTerminal, nowMs: () => number): ProgressView {
  const warnings = new Set<string>();
  const roots: TaskState[] = [];
  let drawnLines = 0;
  let frame = 0;
  let timer: NodeJS.Timeout | undefined;

  const paint = (format: 'green' | 'red' | 'yellow' | 'dim' | 'cyan', text: string) =>
    terminal.colours ? styleText(format, text, { validateStream: false }) : text;
  const erase = () => {
    const text = drawnLines === 0 ? '' : `\x1b[${drawnLines}A\r\x1b[0J`;
    drawnLines = 0;
    return text;
  };
  const lineOf = (task: TaskState, depth: number): string => {
    const mark = {
      running: paint('cyan', SPINNER[frame % SPINNER.length] ?? '*'),
      done: paint('green', '✔'),
      failed: paint('red', '✖'),
    }[task.status];
    const note = task.note === '' ? '' : ` ${stripVTControlCharacters(task.note)}`;
    const room = terminal.size().columns - 3 - depth * 2;
    return `${'  '.repeat(depth)}${mark} ${fit(task.title, `${describeTask(task, nowMs())}${note}`, room, paint)}`;
  };
  const draw = () => {
    frame++;
    const lines = layout(roots, terminal.size().rows - 2).map(({ task, depth }) => lineOf(task, depth));
    const text = `${erase()}${lines.map((line) => `${line}\n`).join('')}`;
    drawnLines = lines.length;
    terminal.write(text);
  };
  const stop = () => {
    if (timer === undefined) return;
    clearInterval(timer);
    timer = undefined;
    terminal.write(`${erase()}${SHOW_CURSOR}`);
  };

  const progress = trackTasks(
    {
      started: (task) => {
        if (task.parent !== undefined) return;
        roots.push(task);
        if (timer !== undefined) return;
        terminal.write(HIDE_CURSOR);
        timer = setInterval(draw, FRAME_MS);
        // A view must never be what keeps a program alive.
        timer.unref();
      },
      changed: () => undefined,
      ended: (task) => {
        if (task.parent !== undefined) return;
        roots.splice(roots.indexOf(task), 1);
        const trace = task.status === 'failed' ? failedPath(task) : [{ task, depth: 0 }];
        terminal.write(`${erase()}${trace.map((line) => `${lineOf(line.task, line.depth)}\n`).join('')}`);
        if (roots.length === 0) stop();
      },
    },
    (message) => warnings.add(message),
    nowMs,
  );
  return {
    ...progress,
    close() {
      stop();
      for (const message of warnings) terminal.write(`${paint('yellow', 'warning:')} ${message}\n`);
      warnings.clear();
    },
  };
}

interface TreeLine {
  task: TaskState;
  depth: number;
}

/** Lines of the tree that fit: what runs and what failed always, of what is done the newest. */
function layout(roots: readonly TaskState[], rows: number): TreeLine[] {
  const all: TreeLine[] = [];
  const visit = (task: TaskState, depth: number) => {
    all.push({ task, depth });
    // What went on inside a finished task no longer matters.
    if (task.status !== 'done') for (const child of task.children) visit(child, depth + 1);
  };
  for (const root of roots) visit(root, 0);
  let excess = all.length - Math.max(rows, 3);
  const kept = all.filter((line) => line.task.status !== 'done' || excess-- <= 0);
  return kept.slice(0, Math.max(rows, 3));
}

/** From a failed task down to where it failed. */
function failedPath(task: TaskState, depth = 0): TreeLine[] {
  const failed = task.children.filter((child) => child.status === 'failed');
  return [{ task, depth }, ...failed.flatMap((child) => failedPath(child, depth + 1))];
}

/** The title and behind it, dimmed, the state; both cut to the room there is, so that no line wraps. */
function fit(title: string, state: string, room: number, paint: (format: 'dim', text: string) => string): string {
  const shownTitle = cut(stripVTControlCharacters(title), room);
  const left = room - shownTitle.length - 2;
  return left < 8 ? shownTitle : `${shownTitle}  ${paint('dim', cut(state, left))}`;
}

function cut(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, Math.max(0, room - 1))}…`;
}
