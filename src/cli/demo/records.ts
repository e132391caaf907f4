import { demoTransactions } from './ledger.js';

/** Size that a block's records are filled up to, in bytes: what a bundle of one patient's records comes to. */
const RECORDS_BYTES = 97_000;

/** 2024-01-01T00:00:00Z. */
const FIRST_TIMESTAMP = 1_704_067_200_000;
const BLOCK_INTERVAL_MS = 60_000;

const FAMILY = ['Okafor', 'Lindqvist', 'Nguyễn', 'García', 'Haddad', 'Kowalski', 'Tanaka', 'Møller'];
const GIVEN = ['Ada', 'Björn', 'Chidi', 'Dana', 'Elif', 'Farid', 'Grace', 'Hugo'];
const VITALS = [
  { code: '8867-4', display: 'Heart rate', unit: '/min', low: 50, high: 110 },
  { code: '8310-5', display: 'Body temperature', unit: 'Cel', low: 35, high: 40 },
  { code: '29463-7', display: 'Body weight', unit: 'kg', low: 45, high: 120 },
  { code: '8480-6', display: 'Systolic blood pressure', unit: 'mm[Hg]', low: 90, high: 170 },
  { code: '2339-0', display: 'Glucose', unit: 'mg/dL', low: 60, high: 220 },
] as const;

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * The payload of one block: a bundle of a made-up patient's records, about 97 KB, and what it asks of the ledger; the
 * same for the same height.
 */
export function demoPayload(height: number): Uint8Array {
  const random = randomFrom(height + 1);
  const timestamp = FIRST_TIMESTAMP + height * BLOCK_INTERVAL_MS;
  const patient = `Patient/${idOf(random)}`;
  const entries = [JSON.stringify(patientOf(patient, random))];
  let bytes = entries[0]?.length ?? 0;
  while (bytes < RECORDS_BYTES) {
    const entry = JSON.stringify(observationOf(patient, timestamp, random));
    entries.push(entry);
    bytes += entry.length + 1;
  }
  const bundle = `{"resourceType":"Bundle","type":"collection","entry":[${entries.join()}]}`;
  const transactions = JSON.stringify(demoTransactions(height));
  return Buffer.from(`{"timestamp":${timestamp},"records":[${bundle}],"transactions":${transactions}}`);
}

function patientOf(patient: string, random: () => number): object {
  const birthYear = 1930 + Math.floor(random() * 90);
  const name = [{ family: pick(FAMILY, random), given: [pick(GIVEN, random)] }];
  return {
    resourceType: 'Patient',
    id: patient.slice('Patient/'.length),
    name,
    birthDate: `${birthYear}-06-15`,
  };
}

function observationOf(patient: string, timestamp: number, random: () => number): object {
  const vital = pick(VITALS, random);
  const value = Number((vital.low + random() * (vital.high - vital.low)).toFixed(1));
  const effective = new Date(timestamp - Math.floor(random() * 1e9)).toISOString();
  return {
    resourceType: 'Observation',
    id: idOf(random),
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: vital.code, display: vital.display }] },
    subject: { reference: patient },
    effectiveDateTime: effective,
    performer: [{ reference: `Practitioner/${idOf(random)}` }],
    valueQuantity: { value, unit: vital.unit, system: 'http://unitsofmeasure.org', code: vital.unit },
  };
}

function pick<T>(choices: readonly T[], random: () => number): T {
  return choices[Math.floor(random() * choices.length)] as T;
}

function idOf(random: () => number): string {
  const part = (): string =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  return part() + part();
}
