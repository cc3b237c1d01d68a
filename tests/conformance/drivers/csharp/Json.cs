using System;
using System.Collections.Generic;
using System.Globalization;
using System.Text;

/// <summary>As much JSON as the driver protocol has: flat objects one way, objects and lists the other.</summary>
internal static class Json
{
	/// <summary>Of {"name": text, number, true or false, ...}.</summary>
	public static Dictionary<string, object> Parse(string line)
	{
		Dictionary<string, object> values = new Dictionary<string, object>();
		int at = 0;
		Expect(line, ref at, '{');
		while (Peek(line, ref at) != '}') {
			string name = Text(line, ref at);
			Expect(line, ref at, ':');
			values[name] = Value(line, ref at);
			if (Peek(line, ref at) == ',')
				at++;
		}
		return values;
	}

	private static char Peek(string line, ref int at)
	{
		while (at < line.Length && line[at] == ' ')
			at++;
		return at < line.Length ? line[at] : '\0';
	}

	private static void Expect(string line, ref int at, char wanted)
	{
		if (Peek(line, ref at) != wanted)
			throw new FormatException("no " + wanted + " at " + at + " of " + line);
		at++;
	}

	private static object Value(string line, ref int at)
	{
		char first = Peek(line, ref at);
		if (first == '"')
			return Text(line, ref at);
		int end = line.IndexOfAny(new[] {',', '}'}, at);
		string word = line.Substring(at, end - at).Trim();
		at = end;
		return word == "true" ? true : word == "false" ? false : word == "null" ? null : (object)long.Parse(word, CultureInfo.InvariantCulture);
	}

	private static string Text(string line, ref int at)
	{
		StringBuilder text = new StringBuilder();
		Expect(line, ref at, '"');
		for (; line[at] != '"'; at++) {
			if (line[at] != '\\')
				text.Append(line[at]);
			else if (line[++at] != 'u')
				text.Append(line[at] == 'n' ? '\n' : line[at] == 't' ? '\t' : line[at] == 'r' ? '\r' : line[at]);
			else {
				text.Append((char)int.Parse(line.Substring(at + 1, 4), NumberStyles.HexNumber));
				at += 4;
			}
		}
		at++;
		return text.ToString();
	}

	/// <summary>Names and values in turns: text, numbers, bools, lists of them, dictionaries.</summary>
	public static string Object(params object[] pairs)
	{
		StringBuilder text = new StringBuilder("{");
		for (int i = 0; i < pairs.Length; i += 2) {
			text.Append(i > 0 ? ", " : "").Append(Write(pairs[i])).Append(": ").Append(Write(pairs[i + 1]));
		}
		return text.Append("}").ToString();
	}

	private static string Write(object value)
	{
		if (value is bool)
			return (bool)value ? "true" : "false";
		Raw raw = value as Raw;
		if (raw != null)
			return raw.Text;
		Array list = value as Array;
		if (list != null) {
			List<string> items = new List<string>();
			foreach (object item in list)
				items.Add(Write(item));
			return "[" + string.Join(", ", items) + "]";
		}
		string text = value as string;
		return text != null ? Quote(text) : Convert.ToString(value, CultureInfo.InvariantCulture);
	}

	private static string Quote(string text)
	{
		StringBuilder quoted = new StringBuilder("\"");
		foreach (char c in text) {
			if (c == '"' || c == '\\')
				quoted.Append('\\').Append(c);
			else if (c < ' ' || c > '~')
				quoted.Append("\\u").Append(((int)c).ToString("x4"));
			else
				quoted.Append(c);
		}
		return quoted.Append('"').ToString();
	}

	/// <summary>What is JSON already.</summary>
	internal sealed class Raw
	{
		public readonly string Text;

		public Raw(string text)
		{
			Text = text;
		}
	}
}
