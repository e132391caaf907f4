import { pseudoRandom } from './random.js';

const SEED = 0x5eed;
const START_MS = Date.UTC(2024, 0, 1);

/** Laboratory codes as FHIR servers hold them: code, name, unit, lowest and highest plausible value. */
const TESTS = [
  ['8302-2', 'Body Height', 'cm', 50, 200],
  ['29463-7', 'Body Weight', 'kg', 3, 120],
  ['8867-4', 'Heart rate', '/min', 45, 150],
  ['8462-4', 'Diastolic Blood Pressure', 'mm[Hg]', 50, 110],
  ['8480-6', 'Systolic Blood Pressure', 'mm[Hg]', 90, 190],
  ['2339-0', 'Glucose', 'mg/dL', 60, 240],
  ['6299-2', 'Urea Nitrogen', 'mg/dL', 5, 40],
  ['38483-4', 'Creatinine', 'mg/dL', 0, 4],
  ['2947-0', 'Sodium', 'mmol/L', 130, 150],
  ['6298-4', 'Potassium', 'mmol/L', 3, 6],
  ['4548-4', 'Hemoglobin A1c', '%', 4, 12],
  ['2093-3', 'Total Cholesterol', 'mg/dL', 120, 300],
] as const;

/**
 * Makes the payloads of small blocks, about 0.8 KB each: one FHIR observation of a patient, in an order that only the
 * seed decides. As in real records the names repeat and the identifiers and values do not.
 */
export function* observations(count: number): Generator<Buffer> {
  const random = pseudoRandom(SEED);
  for (let height = 0; height < count; height++) {
    const timestamp = START_MS + height * 1000;
    yield Buffer.from(JSON.stringify({ timestamp, records: [observation(random, timestamp)] }));
  }
}

function observation(random: () => number, timestamp: number): object {
  const [code, display, unit, low, high] = TESTS[random() % TESTS.length] ?? TESTS[0];
  const value = low + (random() / 2 ** 32) * (high - low);
  const taken = new Date(timestamp - (random() % 86_400_000)).toISOString();
  return {
    resourceType: 'Observation',
    id: uuid(random),
    status: 'final',
    category: [{ coding: [coding('observation-category', 'vital-signs')] }],
    code: { coding: [{ system: 'http://loinc.org', code, display }], text: display },
    subject: { reference: `urn:uuid:${uuid(random)}` },
    encounter: { reference: `urn:uuid:${uuid(random)}` },
    effectiveDateTime: taken,
    issued: new Date(timestamp).toISOString(),
    valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: unit },
  };
}

function coding(system: string, code: string): object {
  return { system: `http://hl7.org/fhir/${system}`, code };
}

function uuid(random: () => number): string {
  const digits = Array.from({ length: 4 }, () => random().toString(16).padStart(8, '0')).join('');
  return [8, 12, 16, 20, 32].map((end, index, ends) => digits.slice(ends[index - 1] ?? 0, end)).join('-');
}
