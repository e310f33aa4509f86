import type { Machine } from './machine.ts';

const LEAVE_KEY = 0x1d; // Ctrl-]

/** A terminal that is connected to a machine's console. */
export interface AttachedConsole {
  /** Resolves when the leave key was pressed. */
  left: Promise<'left'>;
  /** Gives the terminal back as it was. */
  stop: () => void;
}

/** Sends what is typed to the machine, every key as it is, except Ctrl-], which leaves. */
export function attachConsole(stdin: NodeJS.ReadStream, machine: Pick<Machine, 'type'>): AttachedConsole {
  const { promise, resolve } = Promise.withResolvers<'left'>();
  const isTerminal = stdin.isTTY === true;
  const onData = (chunk: Buffer) => {
    const at = isTerminal ? chunk.indexOf(LEAVE_KEY) : -1;
    const typed = at < 0 ? chunk : chunk.subarray(0, at);
    if (typed.length > 0) machine.type(typed);
    if (at >= 0) resolve('left');
  };
  if (isTerminal) stdin.setRawMode(true);
  stdin.on('data', onData);
  stdin.resume();
  return {
    left: promise,
    stop: () => {
      stdin.removeListener('data', onData);
      if (isTerminal) stdin.setRawMode(false);
      stdin.pause();
    },
  };
}
