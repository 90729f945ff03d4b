import type { Limits } from './limits.ts';
import type { Answer, Finding } from './question.ts';
import { questions } from './questions.ts';
import type { Server } from './server.ts';

/** The answers to all questions, by name, and what of them is beyond a threshold: the critical first. */
export type Report = {
  /** ISO 8601, UTC. */
  readonly created_at: string;
  readonly database: string;
  readonly server_version: string;
  readonly role: string;
  readonly findings: readonly Finding[];
  readonly answers: Readonly<Record<string, Answer>>;
};

/** @param limits instead of the thresholds' own */
export async function makeReport(server: Server, limits: Limits): Promise<Report> {
  const answers: Record<string, Answer> = {};
  for (const { name, ask } of questions) answers[name] = await ask(server, limits);
  const findings = Object.values(answers).flatMap((answer) => ('findings' in answer ? answer.findings : []));
  return {
    created_at: new Date().toISOString(),
    database: server.database,
    server_version: server.version,
    role: server.role,
    findings: findings.toSorted((a, b) => a.severity.localeCompare(b.severity)),
    answers,
  };
}
