using System;

namespace Ringcast.Realtime.Tests
{
	internal class CheckException : Exception
	{
		public CheckException(string message) : base(message)
		{
		}
	}

	internal static class Check
	{
		public static void That(bool condition, string what)
		{
			if (!condition)
				throw new CheckException("not so: " + what);
		}

		public static void Same(long expected, long actual, string what)
		{
			if (expected != actual)
				throw new CheckException(what + ": expected " + expected + ", is " + actual);
		}

		public static void Same(string expected, string actual, string what)
		{
			if (!string.Equals(expected, actual, StringComparison.Ordinal))
				throw new CheckException(what + ": expected '" + expected + "', is '" + actual + "'");
		}

		public static void Throws<T>(Action action, string what) where T : Exception
		{
			try {
				action();
			} catch (T) {
				return;
			}
			throw new CheckException(what + ": nothing was thrown");
		}
	}
}
