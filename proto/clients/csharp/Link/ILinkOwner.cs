using System;
using Ringcast.Realtime.Event;

namespace Ringcast.Realtime.Link
{
	/// <summary>Whom a connection tells what happens.</summary>
	internal interface ILinkOwner
	{
		void LinkOpened();
		void LinkLoggedIn(int peerId);
		void LinkFastChanged(bool isUp);
		void LinkFastRefused(string reason);
		void LinkMessage(DataReceivedEventArgs args);
		void LinkMembership(GroupMembershipEventArgs args);
		void LinkDropped(DroppedEventArgs args);
		void LinkResumed(ResumedEventArgs args);
		/// <summary>The last call. error: null when somebody wanted the end.</summary>
		void LinkClosed(ConnectionCloseEventArgs args, Exception error);
	}
}
