import type { MachineDocument, MachineDocumentResult } from '@bowline/spec';

/** What a text said, as plain data. */
export interface ReadResult {
  /** Undefined when the text cannot be used at all. */
  document?: MachineDocument;
  /** One line each, with the place. */
  problems: string[];
  /** Why parts of the text, or all of it, could not be read. */
  broken?: string;
  /** Keys that nothing applies yet, each with the reason. */
  notApplied: string[];
  /** Where further configuration is to be fetched; may hold secrets. */
  configUrls: string[];
}

/** Reads one text as a configuration; `file` is its name in messages. Never throws. */
export type ReadDocument = (file: string, text: string) => Promise<ReadResult>;

/** Reads a configuration with the schema of the spec, which is loaded only now: most stages find what they need cached. */
export const readDocument: ReadDocument = async (file, text) => {
  const { loadMachineDocument } = await import('@bowline/spec');
  return await describe(loadMachineDocument({ path: file, text }));
};

/** Reads what a kernel command line configures. */
export const readArguments: ReadDocument = async (file, text) => {
  const { parseConfigArguments } = await import('@bowline/spec');
  const { document, configUrls, problems } = parseConfigArguments(text, file);
  return { ...(await describe({ document, problems, incomplete: false })), configUrls };
};

async function describe({ document, problems, incomplete }: MachineDocumentResult): Promise<ReadResult> {
  const { formatProblem, notAppliedKeys } = await import('@bowline/spec');
  const worst = problems.find(({ severity }) => severity === 'error') ?? problems[0];
  const reason = worst === undefined ? 'cannot be read' : `line ${worst.line}: ${worst.message}`;
  const url = document?.values['config_url'];
  return {
    ...(document === undefined ? {} : { document }),
    problems: problems.map(formatProblem),
    ...(document === undefined || incomplete ? { broken: reason } : {}),
    notApplied: notAppliedKeys(document?.values ?? {}).map((entry) => `${entry.key}: ${entry.reason}`),
    configUrls: typeof url === 'string' && url.trim() !== '' ? [url.trim()] : [],
  };
}
