import type { Problem } from '../problem.ts';
import type { Step } from './step.ts';

/** First comment words by which a file is known as a configuration of a machine. */
export const HEADERS = ['#cloud-config', '#kairos-config', '#node-config'] as const;

/** One configuration file, read, checked and brought to one form. */
export interface MachineDocument {
  /** The file as the caller named it. */
  file: string;
  /** `name` of the document; the file otherwise. `after` refers to it. */
  name: string;
  /**
   * Every known key but `stages`, with good values only: what could not be used was left out, with a warning. Null stands
   * where a key was left empty; merging resets it then.
   */
  values: Record<string, unknown>;
  /** Steps by stage; the keys of cloud-init (users, hostname, write_files, runcmd ...) are steps of them already. */
  stages: Record<string, Step[]>;
}

/** What reading one document gave. Without `document` the text cannot be used at all. */
export interface MachineDocumentResult {
  document: MachineDocument | undefined;
  /** Errors: the text cannot be used. Warnings: it can, but something in it is wrong or has no effect. */
  problems: Problem[];
  /** Part of the text could not be read as YAML and was left out: a machine that has a good older copy should use that. */
  incomplete: boolean;
}
