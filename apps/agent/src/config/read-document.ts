import type { MachineDocument } from '@bowline/spec';

/** What a text said, as plain data. */
export interface ReadResult {
  /** Undefined when the text cannot be used at all. */
  document?: MachineDocument;
  /** One line each, with the place. */
  problems: string[];
  /** Why parts of the text, or all of it, could not be read. */
  broken?: string;
}

/** Reads one text as a configuration; `file` is its name in messages. Never throws. */
export type ReadDocument = (file: string, text: string) => Promise<ReadResult>;

/** Reads a configuration with the schema of the spec, which is loaded only now: most stages find what they need cached. */
export const readDocument: ReadDocument = async (file, text) => {
  const { formatProblem, loadMachineDocument } = await import('@bowline/spec');
  const { document, problems, incomplete } = loadMachineDocument({ path: file, text });
  const worst = problems.find(({ severity }) => severity === 'error') ?? problems[0];
  const reason = worst === undefined ? 'cannot be read' : `line ${worst.line}: ${worst.message}`;
  return {
    ...(document === undefined ? {} : { document }),
    problems: problems.map(formatProblem),
    ...(document === undefined || incomplete ? { broken: reason } : {}),
  };
};
