using System;
using System.Collections.Generic;

namespace Ringcast.Realtime.Tests
{
	/// <summary>Runs the tests that each file adds, prints TAP. An argument is a part of the names to run.</summary>
	internal static class Runner
	{
		private static readonly List<KeyValuePair<string, Action>> tests = new List<KeyValuePair<string, Action>>();

		public static void Add(string name, Action test)
		{
			tests.Add(new KeyValuePair<string, Action>(name, test));
		}

		private static int Main(string[] arguments)
		{
			string part = arguments.Length > 0 ? arguments[0] : "";
			int count = 0, failures = 0;
			WireTest.Add();
			FrameTest.Add();
			UpgradeTest.Add();
			LinkTest.Add();
			PipeTest.Add();
			DialTest.Add();
			FastPathTest.Add();
			MergeTest.Add();
			CoreTest.Add();
			ResumeTest.Add();
			HostileTest.Add();
			ClientTest.Add();
			foreach (KeyValuePair<string, Action> test in tests) {
				if (!test.Key.Contains(part))
					continue;
				count++;
				failures += Run(count, test.Key, test.Value) ? 0 : 1;
			}
			Console.WriteLine("1.." + count);
			return failures == 0 && count > 0 ? 0 : 1;
		}

		private static bool Run(int number, string name, Action test)
		{
			try {
				test();
				Console.WriteLine("ok " + number + " - " + name);
				return true;
			} catch (Exception exception) {
				Console.WriteLine("not ok " + number + " - " + name);
				Console.WriteLine("# " + exception.ToString().Replace("\n", "\n# "));
				return false;
			}
		}
	}
}
