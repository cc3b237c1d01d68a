#include "scripts/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { VERSION_PREFIX_MIN = 6 };

void ringcast_registry_init(struct script_registry *registry, uint32_t versions_kept)
{
	*registry = (struct script_registry){.versions_kept = versions_kept};
	pthread_mutex_init(&registry->lock, NULL);
}

/* Versions */

struct script_version *ringcast_script_version_ref(struct script_version *version)
{
	__atomic_add_fetch(&version->refs, 1, __ATOMIC_RELAXED);
	return version;
}

void ringcast_script_version_release(struct script_version **version)
{
	struct script_version *v = *version;
	*version = NULL;
	if (v == NULL || __atomic_sub_fetch(&v->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	ringcast_assert(v->session_count == 0);
	ringcast_script_unref(&v->script);
	free(v);
}

static bool is_current(const struct script_version *version)
{
	return __atomic_load_n(&version->is_current, __ATOMIC_RELAXED);
}

/* Takes it out of its name's list and lets the registry's reference go. */
static void forget(struct script_version **at)
{
	struct script_version *version = *at;
	*at = version->next;
	version->next = NULL;
	__atomic_store_n(&version->is_current, false, __ATOMIC_RELAXED);
	ringcast_script_version_release(&version);
}

static void make_current(struct script_registry *registry, struct script_name *name, struct script_version *current)
{
	for (struct script_version *version = name->versions; version != NULL; version = version->next)
		__atomic_store_n(&version->is_current, version == current, __ATOMIC_RELAXED);
	__atomic_add_fetch(&registry->change_count, 1, __ATOMIC_RELEASE);
}

/* Beyond the last versions_kept, what is neither current nor run by a session. */
static void prune(struct script_registry *registry, struct script_name *name)
{
	uint32_t seen = 0;
	for (struct script_version **at = &name->versions; *at != NULL;) {
		bool is_needed = is_current(*at) || __atomic_load_n(&(*at)->session_count, __ATOMIC_ACQUIRE) > 0;
		if (++seen > registry->versions_kept && !is_needed)
			forget(at);
		else
			at = &(*at)->next;
	}
}

/* Names */

static struct script_name *find_name(struct script_registry *registry, const char *name, size_t size)
{
	for (struct script_name *at = registry->names; at != NULL; at = at->next)
		if (strlen(at->name) == size && memcmp(at->name, name, size) == 0)
			return at;
	return NULL;
}

static struct script_name *make_name(struct script_registry *registry, const char *text)
{
	struct script_name **at = &registry->names, *name = find_name(registry, text, strlen(text));
	if (name != NULL || (name = calloc(1, sizeof(*name))) == NULL)
		return name;
	snprintf(name->name, sizeof(name->name), "%s", text);
	while (*at != NULL && strcmp((*at)->name, text) < 0)
		at = &(*at)->next;
	name->next = *at;
	*at = name;
	return name;
}

static void remove_name(struct script_registry *registry, struct script_name *name)
{
	struct script_name **at = &registry->names;
	while (*at != name)
		at = &(*at)->next;
	*at = name->next;
	while (name->versions != NULL)
		forget(&name->versions);
	free(name);
	__atomic_add_fetch(&registry->change_count, 1, __ATOMIC_RELEASE);
}

void ringcast_registry_fini(struct script_registry *registry)
{
	while (registry->names != NULL)
		remove_name(registry, registry->names);
	pthread_mutex_destroy(&registry->lock);
}

/* Looking */

/* NULL: none begins so, or more than one does. */
static struct script_version *find_version(struct script_name *name, const char *prefix)
{
	size_t size = strlen(prefix);
	struct script_version *found = NULL;
	if (size < VERSION_PREFIX_MIN)
		return NULL;
	for (struct script_version *version = name->versions; version != NULL; version = version->next) {
		if (strncmp(version->script->version, prefix, size) != 0)
			continue;
		if (found != NULL)
			return NULL;
		found = version;
	}
	return found;
}

static struct script_version *find_current(struct script_name *name)
{
	for (struct script_version *version = name->versions; version != NULL; version = version->next)
		if (is_current(version))
			return version;
	ringcast_unreachable("a name has a current version");
}

/* Under the lock. */
static struct script_version *look_up(struct script_registry *registry, const char *text, struct script_name **ret_name)
{
	size_t size = strcspn(text, "@");
	struct script_name *name = find_name(registry, text, size);
	*ret_name = name;
	if (name == NULL)
		return NULL;
	return text[size] == '@' ? find_version(name, text + size + 1) : find_current(name);
}

struct script_version *ringcast_registry_find(struct script_registry *registry, const char *name_and_version)
{
	struct script_name *name;
	pthread_mutex_lock(&registry->lock);
	struct script_version *version = look_up(registry, name_and_version, &name);
	if (version != NULL)
		ringcast_script_version_ref(version);
	pthread_mutex_unlock(&registry->lock);
	return version;
}

void ringcast_registry_each(struct script_registry *registry, const char *name,
			    void (*each)(void *context, const struct script_version *version), void *context)
{
	pthread_mutex_lock(&registry->lock);
	for (struct script_name *at = registry->names; at != NULL; at = at->next) {
		if (name != NULL && strcmp(at->name, name) != 0)
			continue;
		for (const struct script_version *version = at->versions; version != NULL; version = version->next)
			each(context, version);
	}
	pthread_mutex_unlock(&registry->lock);
}

/* Changing */

/* Under the lock. */
static int add(struct script_registry *registry, struct script **script)
{
	struct script_name *name = make_name(registry, (*script)->name);
	struct script_version *version = name != NULL ? find_version(name, (*script)->version) : NULL;
	if (name != NULL && version == NULL) {
		version = calloc(1, sizeof(*version));
		if (version == NULL && name->versions == NULL)
			remove_name(registry, name);
		if (version != NULL) {
			*version = (struct script_version){
				.script = *script, .next = name->versions, .refs = 1, .sequence = ++registry->sequence};
			name->versions = version;
			*script = NULL;
		}
	}
	if (version == NULL)
		return RINGCAST_ERROR_MEMORY;
	make_current(registry, name, version);
	prune(registry, name);
	return RINGCAST_OK;
}

int ringcast_registry_add(struct script_registry *registry, struct script *script)
{
	pthread_mutex_lock(&registry->lock);
	int result = add(registry, &script);
	pthread_mutex_unlock(&registry->lock);
	if (script != NULL)
		ringcast_script_unref(&script); /* no memory, or the same version was there already */
	return result;
}

int ringcast_registry_select(struct script_registry *registry, const char *name_and_version)
{
	struct script_name *name;
	pthread_mutex_lock(&registry->lock);
	struct script_version *version = look_up(registry, name_and_version, &name);
	if (version != NULL) {
		make_current(registry, name, version);
		prune(registry, name);
	}
	pthread_mutex_unlock(&registry->lock);
	return version != NULL ? RINGCAST_OK : RINGCAST_ERROR_NOT_FOUND;
}

static void remove_version(struct script_name *name, struct script_version *version)
{
	struct script_version **at = &name->versions;
	while (*at != version)
		at = &(*at)->next;
	forget(at);
}

int ringcast_registry_remove(struct script_registry *registry, const char *name_and_version)
{
	int result = RINGCAST_OK;
	struct script_name *name;
	pthread_mutex_lock(&registry->lock);
	struct script_version *version = look_up(registry, name_and_version, &name);
	if (version == NULL)
		result = RINGCAST_ERROR_NOT_FOUND;
	else if (strchr(name_and_version, '@') == NULL)
		remove_name(registry, name);
	else if (is_current(version))
		result = RINGCAST_ERROR_STATE;
	else
		remove_version(name, version);
	pthread_mutex_unlock(&registry->lock);
	return result;
}
