#include "base/recorder.h"

#include "base/panic.h"

static const struct probe_text {
	const char *label, *first, *second, *third;
} texts[PROBE_COUNT] = {
#define PROBE(name, label, first, second, third) {label, first, second, third},
#include "base/probe.def"
#undef PROBE
};

const struct recorder_entry *ringcast_recorder_last(const struct recorder *recorder, enum probe probe)
{
	const struct recorder_entry *last = NULL;
	for (unsigned i = 0; i < RECORDER_PROBES; i++) {
		const struct recorder_entry *entry = &recorder->entries[i];
		if (entry->number > 0 && entry->probe == probe && (last == NULL || entry->number > last->number))
			last = entry;
	}
	return last;
}

static void write_number(struct panic_writer *writer, const char *name, uint64_t value)
{
	if (name[0] == '\0')
		return;
	ringcast_panic_text(writer, " ");
	ringcast_panic_text(writer, name);
	ringcast_panic_text(writer, "=");
	ringcast_panic_unsigned(writer, value);
}

static void write_entry(struct panic_writer *writer, const struct recorder_entry *entry)
{
	const struct probe_text *text = entry->probe < PROBE_COUNT ? &texts[entry->probe] : NULL;
	ringcast_panic_text(writer, "    ");
	ringcast_panic_unsigned(writer, entry->number);
	ringcast_panic_text(writer, " at ");
	ringcast_panic_unsigned(writer, entry->now_ns);
	ringcast_panic_text(writer, " ");
	ringcast_panic_text(writer, text != NULL ? text->label : "damaged");
	write_number(writer, text != NULL ? text->first : "first", entry->first);
	write_number(writer, text != NULL ? text->second : "second", entry->second);
	if (text == NULL || text->third[0] != '\0') {
		ringcast_panic_text(writer, " ");
		ringcast_panic_text(writer, text != NULL ? text->third : "third");
		ringcast_panic_text(writer, "=");
		ringcast_panic_signed(writer, entry->third);
	}
	ringcast_panic_text(writer, "\n");
}

void ringcast_recorder_dump(const struct recorder *recorder, struct panic_writer *writer)
{
	uint64_t count = recorder->count;
	for (uint64_t i = count > RECORDER_PROBES ? count - RECORDER_PROBES : 0; i < count; i++)
		write_entry(writer, &recorder->entries[i % RECORDER_PROBES]);
}
