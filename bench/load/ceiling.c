#include "bench/load/ceiling.h"

#include <math.h>

void ringcast_ceiling_init(struct ceiling *ceiling, double lowest, double highest, double precision)
{
	*ceiling = (struct ceiling){.lowest = lowest, .highest = highest, .precision = precision};
}

double ringcast_ceiling_next(const struct ceiling *ceiling)
{
	if (ceiling->kept == 0)
		return ceiling->broken == 0 ? ceiling->lowest : 0;
	if (ceiling->broken == 0)
		return ceiling->kept >= ceiling->highest ? 0 : fmin(2 * ceiling->kept, ceiling->highest);
	return ceiling->broken <= ceiling->kept * (1 + ceiling->precision) ? 0 : sqrt(ceiling->kept * ceiling->broken);
}

void ringcast_ceiling_tell(struct ceiling *ceiling, double rate, bool is_kept)
{
	if (is_kept)
		ceiling->kept = fmax(ceiling->kept, rate);
	else
		ceiling->broken = ceiling->broken == 0 ? rate : fmin(ceiling->broken, rate);
}
