/** What a section of the bench is given, and what it hands back. */
import type {ProgramScope} from '../e2e/lab/program.js';

export interface SectionContext {
  readonly scope: ProgramScope; // closed when the section ends
  readonly rounds: number;
  readonly settleSeconds: number; // memory is watched for so long
  /** On a file system that the contestants' state files are to be kept on; emptied afterwards. */
  readonly stateDir: string;
  /** Compiled from bench/**\/NAME.cc. */
  readonly tool: (name: string) => string;
  progress(text: string): void;
}

export interface SectionReport {
  readonly title: string;
  readonly table: string;
  readonly notes: readonly string[];
  readonly data: unknown; // for --json
}

export type Section = (context: SectionContext) => Promise<SectionReport>;
