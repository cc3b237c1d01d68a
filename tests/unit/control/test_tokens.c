/* The file of tokens: what a line may be, what is said of one that is not, and that a token is found whole or not at all. */
#include <criterion/criterion.h>
#include <string.h>

#include "control/tokens.h"

#define A "0123456789abcdef"
#define B "fedcba9876543210"

static bool parse(const char *given, struct tokens *ret_tokens, struct config_error *reterr)
{
	char text[32768];
	snprintf(text, sizeof(text), "%s", given);
	return ringcast_tokens_parse("t", text, ret_tokens, reterr);
}

TestSuite(tokens, .timeout = 30);

Test(tokens, lines)
{
	struct tokens tokens;
	struct config_error error;
	cr_assert(parse("# who may\n\nreader  prometheus\t" A "\r\n  operator backend " B "\n", &tokens, &error), "%s", error.text);
	cr_assert_eq(tokens.count, 2);
	const struct token *token = ringcast_tokens_find(&tokens, A);
	cr_assert(token && token->role == TOKEN_ROLE_READER);
	cr_assert_str_eq(token->name, "prometheus");
	token = ringcast_tokens_find(&tokens, B);
	cr_assert(token && token->role == TOKEN_ROLE_OPERATOR);
}

Test(tokens, are_found_whole_or_not_at_all)
{
	struct tokens tokens;
	struct config_error error;
	char longer[300];
	cr_assert(parse("reader a " A, &tokens, &error));
	static const char *const others[] = {"", "0", "0123456789abcde", A "0", "0123456789abcdeF", " " A};
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		cr_assert_null(ringcast_tokens_find(&tokens, others[i]), "%s", others[i]);
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = 0;
	cr_assert_null(ringcast_tokens_find(&tokens, longer));
	ringcast_tokens_forget(&tokens);
	cr_assert_null(ringcast_tokens_find(&tokens, A));
	cr_assert_null(ringcast_tokens_find(&tokens, ""));
}

Test(tokens, a_line_may_be_a_certificates)
{
	struct tokens tokens;
	struct config_error error;
	cr_assert(parse("operator a certificate:Backend.example\nreader b " A "\nreader c certificate:spiffe://x/y", &tokens, &error), "%s", error.text);
	cr_assert(ringcast_tokens_have_certificate(&tokens));
	cr_assert_str_eq(ringcast_tokens_find_certificate(&tokens, "backend.EXAMPLE")->name, "a");
	cr_assert_str_eq(ringcast_tokens_find_certificate(&tokens, "spiffe://x/y")->name, "c");
	cr_assert_null(ringcast_tokens_find_certificate(&tokens, A), "a token is no name");
	cr_assert_null(ringcast_tokens_find_certificate(&tokens, "backend"));
	cr_assert_null(ringcast_tokens_find(&tokens, "Backend.example"), "a name is no token");
	cr_assert_null(ringcast_tokens_find(&tokens, "certificate:Backend.example"));
}

Test(tokens, a_certificates_name_is_compared_as_names_of_its_kind_are)
{
	static const struct {
		const char *line, *name;
		bool is_same;
	} cases[] = {
		{"Backend.example", "backend.EXAMPLE", true},     {"spiffe://Example/ns/Game", "SPIFFE://eXample/ns/Game", true},
		{"spiffe://x/ns/Game", "spiffe://x/ns/game", false}, {"spiffe://x?Who", "spiffe://x?who", false},
		{"spiffe://x#Who", "spiffe://X#Who", true},       {"urn:game:A", "URN:game:A", true},
		{"urn:game:A", "urn:game:a", false},              {"https://x", "https://X", true},
		{"Ann@example.com", "Ann@EXAMPLE.com", true},     {"Ann@example.com", "ann@example.com", false},
		{"a@b", "a@bc", false},                           {"x:", "X:", true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tokens tokens;
		struct config_error error;
		char text[256];
		snprintf(text, sizeof(text), "reader a certificate:%s", cases[i].line);
		cr_assert(parse(text, &tokens, &error), "%s", error.text);
		cr_assert_eq(ringcast_tokens_find_certificate(&tokens, cases[i].name) != NULL, cases[i].is_same, "%s and %s", cases[i].line, cases[i].name);
		snprintf(text, sizeof(text), "reader a certificate:%s", cases[i].name);
		cr_assert(parse(text, &tokens, &error), "%s", error.text);
		cr_assert_eq(ringcast_tokens_find_certificate(&tokens, cases[i].line) != NULL, cases[i].is_same, "%s and %s", cases[i].name, cases[i].line);
	}
}

Test(tokens, mistakes_are_named_without_the_secret)
{
	static const char *const cases[][2] = {
		{"", "holds no token"},
		{"# nothing\n", "holds no token"},
		{"reader a", "t:1: a line is 'role name token'"},
		{"\nreader a " A " b", "t:2: a line is 'role name token'"},
		{"reader a certificate:", "t:1: certificate: is followed by a name"},
		{"reader a certificate:x\001", "certificate: is followed by a name"},
		{"reader a certificate:x\nreader b certificate:X", "t:2: the certificate stands in an earlier line too"},
		{"admin a " A, "the role is reader or operator"},
		{"reader a 0123456789abcde", "16 to 127"},
		{"reader a 0123456789abcdef\"", "16 to 127"},
		{"reader a\" " A, "the name must be"},
		{"reader abcdefghijklmnopqrstuvwxyz0123456 " A, "the name must be"},
		{"reader a " A "\noperator b " A, "t:2: the token stands in an earlier line too"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct tokens tokens;
		struct config_error error;
		cr_assert_not(parse(cases[i][0], &tokens, &error), "%s", cases[i][0]);
		cr_assert(strstr(error.text, cases[i][1]), "%s", error.text);
		cr_assert_null(strstr(error.text, "0123"), "%s", error.text);
		cr_assert_eq(tokens.count, 0);
	}
}

Test(tokens, bounds)
{
	char text[32768], longest[TOKEN_BYTES];
	size_t used = 0;
	struct tokens tokens;
	struct config_error error;
	for (int i = 0; i < TOKENS_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "reader n%d 0123456789abcdef%d\n", i, i);
	cr_assert(parse(text, &tokens, &error), "%s", error.text);
	snprintf(text + used, sizeof(text) - used, "reader one more-0123456789abcdef\n");
	cr_assert_not(parse(text, &tokens, &error));
	memset(longest, 'x', sizeof(longest));
	longest[TOKEN_BYTES - 1] = 0;
	snprintf(text, sizeof(text), "reader a %s", longest);
	cr_assert(parse(text, &tokens, &error), "%s", error.text);
	cr_assert(ringcast_tokens_find(&tokens, longest));
	snprintf(text, sizeof(text), "reader a x%s", longest);
	cr_assert_not(parse(text, &tokens, &error));
}

Test(tokens, the_file_is_named)
{
	struct config config;
	struct tokens tokens;
	struct config_error error;
	ringcast_config_init(&config);
	cr_assert(ringcast_tokens_load(&config, &tokens, &error));
	cr_assert_eq(tokens.count, 0);
	snprintf(config.admin_tokens.text, sizeof(config.admin_tokens.text), "/nonexistent/tokens");
	cr_assert_not(ringcast_tokens_load(&config, &tokens, &error));
	cr_assert_str_eq(error.text, "admin.tokens: /nonexistent/tokens: No such file or directory");
	snprintf(config.admin_tokens.text, sizeof(config.admin_tokens.text), "/dev/zero");
	cr_assert_not(ringcast_tokens_load(&config, &tokens, &error));
	snprintf(config.admin_tokens.text, sizeof(config.admin_tokens.text), "/");
	cr_assert_not(ringcast_tokens_load(&config, &tokens, &error));
}
